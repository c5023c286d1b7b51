/**
 * Metadata keys that GGUF files of all decoders have in common, each below the architecture's name, with the meaning that
 * they have in llama.cpp.
 *
 * @module
 */
import type { GgufMetadata } from "../tensor_files/gguf_metadata.ts";
import type { GgufNames } from "./architecture.ts";
import { readGgufRope } from "./gguf_rope.ts";
import { MAX_LAYERS } from "./layer_windows.ts";
import type { GgufConfig } from "./network_config.ts";

/** Query and key projections, whose rows llama.cpp's converter interleaves for Llama and its kin. */
export const INTERLEAVED_WEIGHTS: readonly string[] = ["self_attn.q_proj.weight", "self_attn.k_proj.weight"];

/** The same with their biases. */
export const INTERLEAVED: readonly string[] = [
  ...INTERLEAVED_WEIGHTS,
  "self_attn.q_proj.bias",
  "self_attn.k_proj.bias",
];

/** What an architecture's files have of their own. */
export interface GgufTraits {
  /** Tensors of a layer whose rows are interleaved, see `TensorSource.rowOrder`; none if absent. */
  readonly interleaved?: readonly string[];
  /** Reads its own keys; `key` puts the architecture before a name. */
  readonly more?: (
    metadata: GgufMetadata,
    key: (name: string) => string,
    config: GgufConfig,
  ) => Partial<GgufConfig>;
  /** Windows are read by `more`; if absent, there must be none. */
  readonly hasWindows?: boolean;
  /** Layers that slide have rotary positions of their own, read by `more`; if absent, those of the others. */
  readonly hasLocalRope?: boolean;
  /** Experts are read by `more`; if absent, there must be none. */
  readonly hasExperts?: boolean;
}

/** How the files of an architecture with this name are read. */
export function ggufNames(architecture: string, traits: GgufTraits = {}): GgufNames {
  const key = (name: string) => `${architecture}.${name}`, { interleaved = [], more } = traits;
  return {
    architecture,
    interleaved,
    ...(traits.hasExperts && { hasExperts: true }),
    readConfig(metadata) {
      const config = decoderConfig(metadata, architecture);
      refuseOthers(metadata, key, config, traits);
      return { ...config, ...more?.(metadata, key, config) };
    },
  };
}

/** The configuration that the common keys state. @throws {LoadError} naming the key, if one is missing or malformed */
function decoderConfig(metadata: GgufMetadata, architecture: string): GgufConfig {
  const key = (name: string) => `${architecture}.${name}`;
  const hiddenSize = metadata.size(key("embedding_length"));
  const numLayers = metadata.size(key("block_count"));
  if (numLayers > MAX_LAYERS) {
    throw metadata.error(`${key("block_count")} is ${numLayers}, expected at most ${MAX_LAYERS}`);
  }
  const numHeads = metadata.required(
    key("attention.head_count"),
    metadata.uniform(key("attention.head_count")),
  );
  const headDim = metadata.number(key("attention.key_length")) ?? Math.floor(hiddenSize / numHeads);
  const scale = metadata.number(key("attention.scale"));
  return {
    hiddenSize,
    intermediateSize: metadata.uniform(key("feed_forward_length")) ?? 0,
    numLayers,
    numHeads,
    numKvHeads: metadata.uniform(key("attention.head_count_kv")) ?? numHeads,
    headDim,
    rmsNormEps: metadata.required(
      key("attention.layer_norm_rms_epsilon"),
      metadata.number(key("attention.layer_norm_rms_epsilon")),
    ),
    rope: readGgufRope(metadata, architecture, headDim),
    // 0 stands for "not set".
    ...(scale && { attentionScale: scale }),
    maxPositionEmbeddings: metadata.size(key("context_length")),
  };
}

/** Numbers by which llama.cpp computes otherwise for some architecture, and those that ask for nothing. */
const NEUTRAL: Readonly<Record<string, number>> = {
  "attention.max_alibi_bias": 0,
  "attention.clamp_kqv": 0,
  "attention.q_lora_rank": 0,
  "attention.kv_lora_rank": 0,
  "attention.key_length_mla": 0,
  "attention.value_length_mla": 0,
  "attention.output_scale": 0,
  "attention.temperature_scale": 0,
  "attention.shared_kv_layers": 0,
  "attention.relative_buckets_count": 0,
};

/** Refuses keys that change the result in ways that no model here knows. @throws {LoadError} naming the key */
function refuseOthers(
  metadata: GgufMetadata,
  key: (name: string) => string,
  { headDim, rope }: GgufConfig,
  { hasWindows, hasLocalRope, hasExperts }: GgufTraits,
): void {
  const widths = ["value_length", "key_length_swa", "value_length_swa"].map((name) => `attention.${name}`);
  const expected = {
    ...NEUTRAL,
    ...Object.fromEntries(widths.map((name) => [name, headDim])),
    ...(!hasWindows && { "attention.sliding_window": 0 }),
    ...(!hasLocalRope && { "rope.freq_base_swa": rope.theta }),
    ...(!hasExperts && { "expert_count": 0 }),
  };
  for (const [name, value] of Object.entries(expected)) {
    const found = metadata.number(key(name)) ?? value;
    if (found !== value) throw metadata.error(`${key(name)} is ${found}, expected ${value}`);
  }
  if (metadata.boolean(key("attention.causal")) === false) {
    throw metadata.error(`${key("attention.causal")} is false, expected true`);
  }
}
