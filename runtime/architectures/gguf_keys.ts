/**
 * Metadata keys that GGUF files of all decoders have in common, each below the architecture's name.
 *
 * @module
 */
import type { RopeScaling } from "../contracts/checkpoint.ts";
import type { GgufMetadata } from "../tensor_files/gguf_metadata.ts";
import type { GgufConfig } from "./network_config.ts";

/**
 * The configuration that the common keys state.
 *
 * @throws {LoadError} naming the key, if one is missing, heads differ in width or the kind of rotary scaling is unknown
 */
export function decoderConfig(metadata: GgufMetadata, architecture: string): GgufConfig {
  const key = (name: string) => `${architecture}.${name}`;
  const hiddenSize = metadata.size(key("embedding_length"));
  const numHeads = metadata.size(key("attention.head_count"));
  const headDim = metadata.number(key("attention.key_length")) ?? hiddenSize / numHeads;
  for (const same of [key("attention.value_length"), key("rope.dimension_count")]) {
    const width = metadata.number(same) ?? headDim;
    if (width !== headDim) throw metadata.error(`${same} is ${width}, expected the head width ${headDim}`);
  }
  const scaling = ropeScaling(metadata, key);
  return {
    hiddenSize,
    intermediateSize: metadata.size(key("feed_forward_length")),
    numLayers: metadata.size(key("block_count")),
    numHeads,
    numKvHeads: metadata.number(key("attention.head_count_kv")) ?? numHeads,
    headDim,
    rmsNormEps: metadata.required(
      key("attention.layer_norm_rms_epsilon"),
      metadata.number(key("attention.layer_norm_rms_epsilon")),
    ),
    rope: {
      theta: metadata.number(key("rope.freq_base")) ?? 10000,
      rotaryDim: headDim,
      ...(scaling !== undefined && { scaling }),
    },
    maxPositionEmbeddings: metadata.size(key("context_length")),
  };
}

function ropeScaling(metadata: GgufMetadata, key: (name: string) => string): RopeScaling | undefined {
  const type = metadata.string(key("rope.scaling.type")) ?? "none";
  if (type === "none") return undefined;
  if (type !== "linear") {
    throw metadata.error(`${key("rope.scaling.type")} is ${type}, expected linear or none`);
  }
  const factorKey = key("rope.scaling.factor");
  return { type, factor: metadata.required(factorKey, metadata.number(factorKey)) };
}

/**
 * Checks a count that may be one at most.
 *
 * @throws {LoadError} naming the key, if it is more
 */
export function refuseMoreThanOne(metadata: GgufMetadata, key: string): void {
  const count = metadata.number(key) ?? 0;
  if (count > 1) throw metadata.error(`${key} is ${count}, which is not supported`);
}
