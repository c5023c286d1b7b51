/**
 * What models and draft heads are built from.
 *
 * @module
 */
import type { ModelConfig } from "../contracts/checkpoint.ts";
import type { Context } from "../../ffi/context.ts";
import type { BatchId, TensorId } from "../../ffi/handles.ts";
import type { Weights } from "./weights.ts";

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

/** Where a forward leaves the hidden states that a draft head works on. */
export interface FeaturePool {
  /** As `VerifierConfig.featureLayers`. */
  readonly layers: readonly number[];
  /** [KV slots, layers * hiddenSize], the layers side by side. */
  readonly tensor: TensorId;
}
