/**
 * Configuration records, derived once at start from what the command line says and passed to the actors as plain data.
 *
 * @module
 */

import type { ServerArgs } from "./server_args.ts";
import type {
  AcceptThresholds,
  ContextCosts,
  CostCurve,
  DraftingConfig,
  TargetHandles,
} from "./speculation_config.ts";

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
  /** Hugging Face architecture name, e.g. `LlamaForCausalLM`. */
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

/** How numbers lie in a file. */
export type StorageFormat =
  | "F32"
  | "F16"
  | "BF16"
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q8_0"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K";

/** Where one tensor lies: a range of a file, already checked against the file's size. */
export interface TensorSource {
  /** Checkpoint name in Hugging Face's terms, e.g. `model.layers.0.self_attn.q_proj.weight`. */
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
   * `interleaved`: rows of each rotary head come as pairs (i, i + headDim/2), GGUF's order for q and k of Llama;
   * `plain`: Hugging Face's order.
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
}

/** What the verifier needs to start. */
export interface VerifierConfig {
  /** The target model. */
  readonly checkpoint: Checkpoint;
  /** Path of the native library. */
  readonly libraryPath: string;
  /** Backend that runs the model. */
  readonly device: "cpu" | "cuda" | "cuda-sim";
  /** Native threads, the verifier's own included. */
  readonly threads: number;
  /** Whether to use fewer if a trial at start shows that they are faster. */
  readonly mayUseFewerThreads: boolean;
  /** Type of floating weights. */
  readonly dtype: ServerArgs["dtype"];
  /** Type of keys and values. */
  readonly kvDtype: "bfloat16" | "float32";
  /** Tokens in a page. */
  readonly pageSize: number;
  /** Tokens the KV pool holds. */
  readonly maxTotalTokens: number;
  /** Longest sequence in tokens. */
  readonly contextLength: number;
  /** Rows of one forward at most. */
  readonly maxRows: number;
  /** Rows of one forward whose logits are computed, at most. */
  readonly maxOutputs: number;
  /** Segments of one forward at most. */
  readonly maxRunningRequests: number;
  /** Nodes of a segment's draft tree at most. */
  readonly maxNodes: number;
  /** Accept drafts that were not drawn if the model finds them this probable; absent, and exact, without. */
  readonly acceptThresholds?: AcceptThresholds;
  /** Tokens that end generation; banned until a request's `minTokens` are out. */
  readonly eosTokenIds: readonly number[];
  /**
   * Hidden states to keep per KV slot, as Hugging Face numbers them: `i` is the input of layer i, `numLayers` the
   * output of the final norm. Empty if no proposer wants any.
   */
  readonly featureLayers: readonly number[];
}

/** What the verifier found out while starting. */
export interface VerifierInfo {
  /** Pages in the KV pool. */
  readonly numPages: number;
  /** Size of all keys. */
  readonly kBytes: number;
  /** Size of all values. */
  readonly vBytes: number;
  /** Size of the weights as packed. */
  readonly weightBytes: number;
  /** Native backend in words, e.g. `cpu avx512vnni, 2 threads`. */
  readonly backend: string;
  /** What a proposer may use of the target. */
  readonly handles: TargetHandles;
  /** Times of a forward by number of rows, all of them outputs; absent without speculation. */
  readonly forwardMs?: CostCurve;
  /** Times that a context adds; absent without speculation. */
  readonly contextMs?: ContextCosts;
}

/** What the scheduler needs to start. */
export interface SchedulerConfig {
  readonly numPages: number;
  readonly pageSize: number;
  readonly contextLength: number;
  /** Order in which waiting sequences are admitted. */
  readonly schedulePolicy: ServerArgs["schedulePolicy"];
  /** Multiplies the share of the tokens still to come for which pages are kept free. */
  readonly scheduleConservativeness: number;
  readonly maxRunningRequests: number;
  readonly maxQueuedRequests: number;
  /** Undefined: as many as may wait at all. */
  readonly maxQueuedPerClient?: number;
  /** Undefined: as many as those requests have. */
  readonly maxQueuedTokens?: number;
  readonly chunkedPrefillSize: number;
  /** Rows of prompts in a step that has rows of several; a single prompt is bound by `chunkedPrefillSize` alone. */
  readonly maxPrefillTokens: number;
  /** Time that a step with prompts may take beside decoding sequences; undefined if however long. */
  readonly maxStepMs?: number;
  readonly maxRows: number;
  readonly maxOutputs: number;
  readonly disableRadixCache: boolean;
  readonly eosTokenIds: readonly number[];
  /** Decode steps between two decode log lines. */
  readonly decodeLogInterval: number;
  /** Undefined without speculation. */
  readonly drafting?: DraftingConfig;
}
