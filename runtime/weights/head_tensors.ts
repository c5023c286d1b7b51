/**
 * What tensors a draft head needs, and whether it has them and fits its target.
 *
 * @module
 */
import type { Checkpoint } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import type { HeadCheckpoint } from "../contracts/speculation_config.ts";
import { impossibleNumber } from "./model_numbers.ts";

/** Names and shapes of the tensors of a draft head. */
export function* headTensors(
  { config, head, tensors }: HeadCheckpoint,
  targetWidth: number,
): Generator<readonly [name: string, shape: readonly number[]]> {
  const { hiddenSize, intermediateSize, numLayers } = config, isEagle3 = head.kind === "eagle3";
  const isMtp = head.kind === "mtp";
  const queryWidth = config.numHeads * config.headDim, kvWidth = config.numKvHeads * config.headDim;
  yield [
    isMtp ? "input_proj.weight" : "fc.weight",
    [hiddenSize, isEagle3 ? head.featureLayers.length * targetWidth : hiddenSize + targetWidth],
  ];
  for (let layer = 0; layer < numLayers; layer++) {
    const name = (part: string) => `layers.${layer}.${part}.weight`;
    const inputWidth = isEagle3 && layer === 0 ? 2 * hiddenSize : hiddenSize;
    if (isEagle3 && layer === 0) yield [name("hidden_norm"), [hiddenSize]];
    if (isEagle3 || isMtp || layer > 0) yield [name("input_layernorm"), [hiddenSize]];
    yield [name("self_attn.q_proj"), [queryWidth, inputWidth]];
    yield [name("self_attn.k_proj"), [kvWidth, inputWidth]];
    yield [name("self_attn.v_proj"), [kvWidth, inputWidth]];
    yield [name("self_attn.o_proj"), [hiddenSize, queryWidth]];
    yield [name("post_attention_layernorm"), [hiddenSize]];
    yield [name("mlp.gate_proj"), [intermediateSize, hiddenSize]];
    yield [name("mlp.up_proj"), [intermediateSize, hiddenSize]];
    yield [name("mlp.down_proj"), [hiddenSize, intermediateSize]];
  }
  if (isMtp) {
    yield ["token_layernorm.weight", [hiddenSize]];
    yield ["hidden_layernorm.weight", [targetWidth]];
    yield ["final_layernorm.weight", [hiddenSize]];
  }
  if (!isEagle3) return;
  yield ["norm.weight", [hiddenSize]];
  for (let i = 0; tensors.has("fc_norm.0.weight") && i < head.featureLayers.length; i++) {
    yield [`fc_norm.${i}.weight`, [targetWidth]];
  }
}

/**
 * Checks the tensors against the configuration and both against the target.
 *
 * @throws {LoadError} saying what was found and what was expected
 */
export function checkHead(checkpoint: HeadCheckpoint, target: Checkpoint): void {
  const { path, config, tensors, head } = checkpoint, { hiddenSize, vocabSize, numLayers } = target.config;
  const fail = (reason: string) => new LoadError(`Cannot load draft head ${path}: ${reason}`);
  const shapeOf = (name: string) => tensors.get(name)?.shape;
  const impossible = impossibleNumber(config);
  if (impossible !== undefined) throw fail(impossible);
  const layer = head.featureLayers.find((layer) => layer > numLayers);
  if (layer !== undefined) {
    throw fail(
      `it draws on hidden state ${layer}, expected at most ${numLayers}, the layers of ${target.path}`,
    );
  }
  if (config.vocabSize !== vocabSize) {
    throw fail(`its vocabulary has ${config.vocabSize} tokens, expected ${vocabSize} as ${target.path}`);
  }
  for (const [name, expected] of headTensors(checkpoint, hiddenSize)) {
    const shape = shapeOf(name);
    if (shape?.join() !== expected.join()) {
      const found = shape ? `is [${shape.join(", ")}]` : "is missing";
      throw fail(
        `tensor ${name} ${found}, expected [${expected.join(", ")}] for a target of width ${hiddenSize}`,
      );
    }
  }
  const embedding = shapeOf("embed_tokens.weight") ?? [vocabSize, hiddenSize];
  if (embedding.join() !== [vocabSize, config.hiddenSize].join()) {
    throw fail(`its embedding is [${embedding.join(", ")}], expected [${vocabSize}, ${config.hiddenSize}]`);
  }
  const lmHead = shapeOf("lm_head.weight") ?? [vocabSize, hiddenSize], { draftTokens } = head;
  const numDraftTokens = head.kind === "eagle3" ? lmHead[0]! : vocabSize;
  if (lmHead[1] !== config.hiddenSize) {
    throw fail(`its LM head takes ${lmHead[1]} inputs, expected ${config.hiddenSize}`);
  }
  if ((draftTokens?.length ?? vocabSize) !== numDraftTokens) {
    throw fail(
      draftTokens
        ? `d2t maps ${draftTokens.length} tokens, expected ${numDraftTokens}, the rows of its LM head`
        : `its LM head has ${numDraftTokens} rows and there is no d2t, expected ${vocabSize}`,
    );
  }
  const stray = draftTokens?.find((token) => token < 0 || token >= vocabSize);
  if (stray !== undefined) throw fail(`d2t leads to token ${stray}, expected 0..${vocabSize - 1}`);
}
