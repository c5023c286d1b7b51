/**
 * Tables of an architecture's tensors: names in Hugging Face's and GGUF's terms, shapes, and which must be there.
 *
 * @module
 */
import type { StorageFormat } from "../contracts/storage_format.ts";
import type { NetworkConfig } from "./network_config.ts";

/** Sizes that shapes are made of. */
export interface TensorSizes extends NetworkConfig {
  /** All query heads side by side. */
  readonly queryWidth: number;
  /** All key heads side by side, or all value heads. */
  readonly kvWidth: number;
  /** What the query, key and value projections take; `hiddenSize` but in EAGLE-3 heads. */
  readonly attentionInput: number;
}

/** One tensor of an architecture. */
export interface TensorSpec {
  /** Hugging Face's name; of a layer's tensor the part behind the layer's number. */
  readonly name: string;
  /** GGUF's name; of a layer's tensor the part behind `blk.N.`. Absent: not in GGUF files. */
  readonly ggufName?: string;
  /** Rows then columns; a vector has one entry. */
  readonly shape: (sizes: TensorSizes) => readonly number[];
  /**
   * `untied`: no part of a model whose output matrix is the embedding; `attentionBias`, `mlpBias`: part of those whose
   * configuration says so; `denseLayer`, `expertLayer`: of layers with a plain MLP or with experts, as are `eachExpert`,
   * once per expert, whose number stands for `{expert}` in the name, or `allExperts`, by how the checkpoint has them;
   * `optional`: may lack. Absent: required.
   */
  readonly presence?:
    | "untied"
    | "attentionBias"
    | "mlpBias"
    | "denseLayer"
    | "expertLayer"
    | "eachExpert"
    | "allExperts"
    | "optional";
  /** What safetensors leave out of each number of a vector, `TensorSource.addend`; GGUF files have it. */
  readonly addend?: number;
  /** The only format it may have; absent: any. */
  readonly format?: StorageFormat;
}

/** The tensors of an architecture in the order of its forward. */
export interface TensorTable {
  /** Before the layers. */
  readonly input: readonly TensorSpec[];
  /** What each layer's tensors begin with, before the layer's number, e.g. `model.layers.`. */
  readonly layerPrefix: string;
  /** Of each layer. */
  readonly layer: readonly TensorSpec[];
  /** Behind the layers. */
  readonly output: readonly TensorSpec[];
  /** Name of the embedding [vocabSize, hiddenSize]. */
  readonly embedding: string;
  /** Name of the output matrix [vocabSize, hiddenSize] where the embedding does not serve as one. */
  readonly lmHead: string;
}

/** Derives the sizes that {@linkcode TensorSpec.shape} takes. */
export function tensorSizes(config: NetworkConfig): TensorSizes {
  const { numHeads, numKvHeads, headDim, hiddenSize } = config;
  return {
    ...config,
    queryWidth: numHeads * headDim,
    kvWidth: numKvHeads * headDim,
    attentionInput: hiddenSize,
  };
}
