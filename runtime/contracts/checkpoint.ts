/**
 * A model on disk as plain data: architecture, sizes, and where each tensor lies.
 *
 * @module
 */
import type { RecommendedSampling } from "./sampling_params.ts";
import type { StorageFormat } from "./storage_format.ts";

/** Llama 3's frequency-dependent scaling (`rope_scaling.rope_type = "llama3"`), or linear. */
export type RopeScaling =
  | {
    readonly type: "llama3";
    readonly factor: number;
    readonly lowFreqFactor: number;
    readonly highFreqFactor: number;
    readonly originalMaxPositionEmbeddings: number;
  }
  | { readonly type: "linear"; readonly factor: number };

/** Architecture and sizes of a model, as its checkpoint states them. */
export interface ModelConfig {
  /** Hugging Face's name of the architecture, as config.json has it. */
  readonly architecture: string;
  /** Width of the residual stream. */
  readonly hiddenSize: number;
  /** Width inside the MLP. */
  readonly intermediateSize: number;
  /** Decoder layers. */
  readonly numLayers: number;
  /** Query heads. */
  readonly numHeads: number;
  /** Key and value heads; divides `numHeads`. */
  readonly numKvHeads: number;
  /** Width of a head. */
  readonly headDim: number;
  /** Rows of the embedding. */
  readonly vocabSize: number;
  /** Added to the mean square in RMSNorm. */
  readonly rmsNormEps: number;
  /** Base of the rotary frequencies. */
  readonly ropeTheta: number;
  /** Changes the rotary frequencies for long contexts. */
  readonly ropeScaling?: RopeScaling;
  /** Longest sequence the model was trained for. */
  readonly maxPositionEmbeddings: number;
  /** The output matrix is the embedding. */
  readonly tieWordEmbeddings: boolean;
  /** Token that begins a text. */
  readonly bosTokenId?: number;
  /** Tokens that end generation. */
  readonly eosTokenIds: readonly number[];
}

/** Where one tensor lies: a range of a file, already checked against the file's size. */
export interface TensorSource {
  /** Checkpoint name in Hugging Face's terms. */
  readonly name: string;
  /** Path of the file. */
  readonly file: string;
  /** First byte in the file. */
  readonly offset: number;
  /** Length in bytes. */
  readonly bytes: number;
  /** How the numbers lie. */
  readonly format: StorageFormat;
  /** Rows then columns; a vector has one entry. */
  readonly shape: readonly number[];
  /**
   * `interleaved`: rows of each rotary head come as pairs (i, i + headDim/2), as llama.cpp's converter writes the query
   * and key projections of some architectures; `plain`: Hugging Face's order.
   */
  readonly rowOrder: "plain" | "interleaved";
}

/** A model on disk, ready to be mapped. */
export interface Checkpoint {
  /** What the user asked for, for logs and `/get_model_info`. */
  readonly path: string;
  /** Architecture and sizes. */
  readonly config: ModelConfig;
  /** By name. */
  readonly tensors: ReadonlyMap<string, TensorSource>;
  /** Files in load order, for progress ("shards"). */
  readonly files: readonly string[];
  /** Name of the prevailing storage format, e.g. `Q4_1` or `bfloat16`. */
  readonly dtype: string;
  /** How its publisher recommends to sample. */
  readonly recommendedSampling?: RecommendedSampling;
}
