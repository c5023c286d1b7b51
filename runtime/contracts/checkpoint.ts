/**
 * A model on disk as plain data: architecture, sizes, and where each tensor lies.
 *
 * @module
 */
import type { EmbeddingConfig } from "./hidden_states.ts";
import type { RopeConfig } from "./rope_config.ts";
import type { RecommendedSampling } from "./sampling_params.ts";
import type { QuantLayout, StorageFormat } from "./storage_format.ts";

export type { RopeConfig, RopeScaling } from "./rope_config.ts";

/** What the layers of a model differ by. */
export interface LayerConfig {
  /** Attention sees so many of the newest entries, the row's own included; absent: all. */
  readonly window?: number;
  /** Rotary positions: `ModelConfig.rope`, `ModelConfig.localRope`, or none. */
  readonly rope: "global" | "local" | "none";
}

/** A mixture of experts: in some layers, each row goes through a few of many MLPs. */
export interface ExpertConfig {
  /** Experts of a layer. */
  readonly count: number;
  /** Experts that a row goes through. */
  readonly perRow: number;
  /** Width inside an expert. */
  readonly intermediateSize: number;
  /** Divides the weights of a row's experts by their sum. */
  readonly normalise: boolean;
  /** Layers that have a plain MLP instead. */
  readonly denseLayers: readonly number[];
  /** One tensor has a projection of all experts of a layer, as in GGUF files; absent: each expert has its own. */
  readonly areStacked?: boolean;
}

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
  /** Rotary positions. */
  readonly rope: RopeConfig;
  /** Rotary positions of the layers that say `local`. */
  readonly localRope?: RopeConfig;
  /** Each layer; absent: all see everything, with `rope`. */
  readonly layers?: readonly LayerConfig[];
  /** Factor of attention's scores; absent: 1 / sqrt(headDim). */
  readonly attentionScale?: number;
  /** Attention's scores become cap * tanh(score / cap); absent: they stay. */
  readonly attentionSoftCap?: number;
  /** Factor of the embeddings that enter the first layer; absent: 1. */
  readonly embeddingScale?: number;
  /** Factor of what attention and MLP add to the residual stream; absent: 1. */
  readonly residualScale?: number;
  /** Factor of the logits, before their cap; absent: 1. */
  readonly logitScale?: number;
  /** Logits become cap * tanh(logit / cap); absent: they stay. */
  readonly logitSoftCap?: number;
  /** Absent: every layer has a plain MLP. */
  readonly experts?: ExpertConfig;
  /** Longest sequence the model was trained for. */
  readonly maxPositionEmbeddings: number;
  /** The output matrix is the embedding. */
  readonly tieWordEmbeddings: boolean;
  /** The projections of attention have biases, where its architecture leaves that open. */
  readonly attentionBias?: boolean;
  /** The projections of the MLP have biases, where its architecture leaves that open. */
  readonly mlpBias?: boolean;
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
  /** Added to each number of a vector as it is read: Gemma's norms are stored without the 1 that they add. */
  readonly addend?: number;
  /** Where it is made of several tensors; `format` then is that of the blocks it is packed as. */
  readonly quantization?: GroupQuantization;
}

/** A checked range of a file. */
export interface StoredRange {
  /** Path of the file. */
  readonly file: string;
  /** First byte in the file. */
  readonly offset: number;
}

/** The tensors of a matrix whose numbers, scales and zero points lie apart; shapes as `aerie_quant_layout` of aerie.h has them. */
export interface GroupQuantization {
  /** How they lie. */
  readonly layout: QuantLayout;
  /** The quantised numbers. */
  readonly numbers: StoredRange;
  /** What numbers are multiplied by. */
  readonly scales: StoredRange & { readonly format: "F32" | "F16" | "BF16" };
  /** What is subtracted first; absent: the middle of the range. */
  readonly zeros?: StoredRange;
  /** Group of each input; absent: in order. */
  readonly groups?: StoredRange;
  /** Rows of the matrix that a scale is for. */
  readonly groupRows: number;
  /** Inputs that a scale is for. */
  readonly groupCols: number;
}

/** A model on disk, ready to be mapped. */
export interface Checkpoint {
  /** What the user asked for, for logs and `/get_model_info`. */
  readonly path: string;
  /** Architecture and sizes. */
  readonly config: ModelConfig;
  /** By name. */
  readonly tensors: ReadonlyMap<string, TensorSource>;
  /** A draft head lies in the same files (MiMo's MTP layers); its tensors are not among the above. */
  readonly hasOwnHead?: boolean;
  /** How the weights are quantised: `gguf`, or what config.json calls it; absent: they are floats. */
  readonly quantization?: string;
  /** Files in load order, for progress ("shards"). */
  readonly files: readonly string[];
  /** Name of the prevailing storage format, e.g. `Q4_1` or `bfloat16`. */
  readonly dtype: string;
  /** How its publisher recommends to sample. */
  readonly recommendedSampling?: RecommendedSampling;
  /** How it makes embeddings; absent: it does not say. */
  readonly embedding?: EmbeddingConfig;
}
