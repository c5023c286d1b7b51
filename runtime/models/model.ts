/**
 * What the verifier needs of a model.
 *
 * @module
 */
import type { KvId, TensorId, WeightId } from "../../ffi/handles.ts";

/** Type of the hidden states that are kept: half the bytes of those between ops. The heads' trainer keeps them so, too. */
export const FEATURE_DTYPE = "bfloat16";
/** Bytes of one of their numbers. */
export const FEATURE_BYTES = 2;

/** A decoder. Prefill, decode and tree verification are the same forward; only the batch differs. */
export interface Model {
  /** [outputs, vocabSize], a slice of at most 256 of them at a time; after `forward` the last one. */
  readonly logits: TensorId;
  /** [outputs, hiddenSize]: what the final norm makes of the rows that are outputs. */
  readonly outputStates: TensorId;
  /** [vocabSize, hiddenSize]; draft heads share both. */
  readonly embedding: WeightId;
  /** [vocabSize, hiddenSize]; the embedding if tied. */
  readonly lmHeadWeight: WeightId;
  /** Runs (or records) a forward of the batch as written; keys and values go to `kv`. */
  forward(kv: KvId): void;
  /** The part of `forward` up to the states of the outputs. */
  forwardLayers(kv: KvId): void;
  /** The part of `forward` behind `forwardLayers`: logits of the outputs. */
  forwardHead(): void;
}
