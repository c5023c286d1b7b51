/**
 * What tensors an architecture needs, and whether a checkpoint has them.
 *
 * @module
 */
import type { ModelConfig, TensorSource } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import { impossibleNumber } from "./model_numbers.ts";

/** Names and shapes of the tensors of a Llama model. */
export function* requiredTensors(
  config: ModelConfig,
): Generator<readonly [name: string, shape: readonly number[]]> {
  const { hiddenSize, intermediateSize, vocabSize } = config;
  const queryWidth = config.numHeads * config.headDim, kvWidth = config.numKvHeads * config.headDim;
  yield ["model.embed_tokens.weight", [vocabSize, hiddenSize]];
  for (let layer = 0; layer < config.numLayers; layer++) {
    const name = (part: string) => `model.layers.${layer}.${part}.weight`;
    yield [name("input_layernorm"), [hiddenSize]];
    yield [name("self_attn.q_proj"), [queryWidth, hiddenSize]];
    yield [name("self_attn.k_proj"), [kvWidth, hiddenSize]];
    yield [name("self_attn.v_proj"), [kvWidth, hiddenSize]];
    yield [name("self_attn.o_proj"), [hiddenSize, queryWidth]];
    yield [name("post_attention_layernorm"), [hiddenSize]];
    yield [name("mlp.gate_proj"), [intermediateSize, hiddenSize]];
    yield [name("mlp.up_proj"), [intermediateSize, hiddenSize]];
    yield [name("mlp.down_proj"), [hiddenSize, intermediateSize]];
  }
  yield ["model.norm.weight", [hiddenSize]];
  if (!config.tieWordEmbeddings) yield ["lm_head.weight", [vocabSize, hiddenSize]];
}

/**
 * Checks sizes against each other and the tensors against the sizes.
 *
 * @throws {LoadError} naming the size or the tensor, what was found and what was expected
 */
export function checkModel(
  path: string,
  config: ModelConfig,
  tensors: ReadonlyMap<string, TensorSource>,
): void {
  const fail = (reason: string) => {
    throw new LoadError(`Cannot load ${path}: ${reason}`);
  };
  const impossible = impossibleNumber(config);
  if (impossible !== undefined) fail(impossible);
  // Each layer needs tensors, so a lying layer count is found before it is walked.
  if (config.numLayers > tensors.size) fail(`${config.numLayers} layers, but only ${tensors.size} tensors`);
  for (const [name, expected] of requiredTensors(config)) {
    const shape = tensors.get(name)?.shape;
    if (shape === undefined) fail(`tensor ${name} is missing, expected [${expected.join(", ")}]`);
    else if (shape.join() !== expected.join()) {
      fail(`tensor ${name} is [${shape.join(", ")}], expected [${expected.join(", ")}]`);
    }
  }
  const rope = tensors.get("rope_freqs.weight");
  if (rope !== undefined && (rope.format !== "F32" || rope.shape.join() !== String(config.headDim / 2))) {
    fail(
      `tensor rope_freqs.weight is ${rope.format} [${rope.shape.join(", ")}], expected F32 [${
        config.headDim / 2
      }]`,
    );
  }
  const bias = [...tensors.keys()].find((name) => name.endsWith(".bias"));
  if (bias !== undefined) fail(`tensor ${bias} is not part of ${config.architecture}`);
}
