/**
 * Checks a draft head: whether it has the tensors it needs and fits its target.
 *
 * @module
 */
import type { Checkpoint } from "../contracts/checkpoint.ts";
import { headTensors } from "../architectures/draft_heads.ts";
import { LoadError } from "../contracts/errors.ts";
import type { HeadCheckpoint } from "../contracts/speculation_config.ts";
import { impossibleNumber } from "./model_numbers.ts";

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
