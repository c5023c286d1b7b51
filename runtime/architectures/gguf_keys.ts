/**
 * Metadata keys that GGUF files of all decoders have in common, each below the architecture's name.
 *
 * @module
 */
import type { GgufMetadata } from "../tensor_files/gguf_metadata.ts";
import { readGgufRope } from "./gguf_rope.ts";
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
  const same = key("attention.value_length"), width = metadata.number(same) ?? headDim;
  if (width !== headDim) throw metadata.error(`${same} is ${width}, expected the head width ${headDim}`);
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
    rope: readGgufRope(metadata, architecture, headDim),
    maxPositionEmbeddings: metadata.size(key("context_length")),
  };
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
