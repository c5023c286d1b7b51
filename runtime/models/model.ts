/**
 * What the verifier needs of a model, and what a model is built from.
 *
 * @module
 */
import type { ModelConfig } from "../contracts/checkpoint.ts";
import type { Context } from "../../ffi/context.ts";
import type { BatchId, KvId, TensorId, WeightId } from "../../ffi/handles.ts";
import type { Weights } from "../nn/weights.ts";

/** Parts a model is built from. */
export interface ModelParts {
  readonly context: Context;
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly batch: BatchId;
  /** Longest sequence that is served, tokens. */
  readonly contextLength: number;
  /** Absent: no hidden states are kept. */
  readonly features?: FeaturePool;
}

/** Type of the hidden states that are kept: half the bytes of those between ops. The heads' trainer keeps them so, too. */
export const FEATURE_DTYPE = "bfloat16";
/** Bytes of one of their numbers. */
export const FEATURE_BYTES = 2;

/** Where a forward leaves the hidden states that a draft head works on. */
export interface FeaturePool {
  /** As `VerifierConfig.featureLayers`. */
  readonly layers: readonly number[];
  /** [KV slots, layers * hiddenSize], the layers side by side. */
  readonly tensor: TensorId;
}

/** A decoder. Prefill, decode and tree verification are the same forward; only the batch differs. */
export interface Model {
  /** [outputs, vocabSize], a slice of at most 256 of them at a time; after `forward` the last one. */
  readonly logits: TensorId;
  /** [vocabSize, hiddenSize]; draft heads share both. */
  readonly embedding: WeightId;
  /** [vocabSize, hiddenSize]; the embedding if tied. */
  readonly lmHeadWeight: WeightId;
  /** Runs (or records) a forward of the batch as written; keys and values go to `kv`. */
  forward(kv: KvId): void;
}
