/**
 * Configuration records. `ServerArgs` is what the command line says; the rest is derived once at start and passed
 * to the actors as plain data.
 *
 * @module
 */

/** Flags of `serve.ts` after parsing; names are SGLang's in camelCase. Undefined means "decide for me". */
export interface ServerArgs {
  /** Local folder, local `.gguf`, hub id `owner/repo[:file]`, or undefined for the default model. */
  readonly modelPath?: string;
  readonly tokenizerPath?: string;
  readonly servedModelName?: string;
  readonly host: string;
  readonly port: number;
  readonly dtype: "auto" | "float32" | "bfloat16" | "float16";
  readonly contextLength?: number;
  readonly maxRunningRequests?: number;
  readonly maxTotalTokens?: number;
  /** Requests allowed to wait beyond those running. */
  readonly maxQueuedRequests: number;
  readonly memFractionStatic?: number;
  readonly pageSize: number;
  /** Rows of prefill in one forward; -1 turns chunking off. */
  readonly chunkedPrefillSize?: number;
  readonly disableRadixCache: boolean;
  readonly kvCacheDtype: "auto" | "bfloat16" | "float32";
  readonly randomSeed?: number;
  readonly streamInterval: number;
  readonly logLevel: "debug" | "info" | "warning" | "error";
  readonly decodeLogInterval: number;
  readonly apiKey?: string;
  readonly device: "auto" | "cpu" | "cuda" | "cuda-sim";
  /** Native threads; undefined uses the CPUs this process may run on. */
  readonly threads?: number;
  readonly downloadDir?: string;
  readonly chatTemplate?: string;
  readonly skipServerWarmup: boolean;
  readonly enableCacheReport: boolean;
}

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
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
  readonly maxPositionEmbeddings: number;
  readonly tieWordEmbeddings: boolean;
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
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
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
  readonly config: ModelConfig;
  readonly tensors: ReadonlyMap<string, TensorSource>;
  /** Files in load order, for progress ("shards"). */
  readonly files: readonly string[];
  /** Name of the prevailing storage format, e.g. `Q4_1` or `bfloat16`. */
  readonly dtype: string;
}

/** What the verifier needs to start. */
export interface VerifierConfig {
  readonly checkpoint: Checkpoint;
  readonly libraryPath: string;
  readonly device: "cpu" | "cuda" | "cuda-sim";
  /** Native threads, the verifier's own included. */
  readonly threads: number;
  /** Whether to use fewer if a trial at start shows that they are faster. */
  readonly mayUseFewerThreads: boolean;
  readonly dtype: ServerArgs["dtype"];
  readonly kvDtype: "bfloat16" | "float32";
  readonly pageSize: number;
  /** Tokens the KV pool holds. */
  readonly maxTotalTokens: number;
  readonly contextLength: number;
  /** Rows of one forward at most. */
  readonly maxRows: number;
  /** Rows of one forward whose logits are computed, at most. */
  readonly maxOutputs: number;
  readonly maxRunningRequests: number;
  /** Tokens that end generation; banned until a request's `minTokens` are out. */
  readonly eosTokenIds: readonly number[];
}

/** What the verifier found out while starting. */
export interface VerifierInfo {
  readonly numPages: number;
  readonly kBytes: number;
  readonly vBytes: number;
  readonly weightBytes: number;
  /** Native backend in words, e.g. `cpu avx512vnni, 2 threads`. */
  readonly backend: string;
}

/** What the scheduler needs to start. */
export interface SchedulerConfig {
  readonly numPages: number;
  readonly pageSize: number;
  readonly contextLength: number;
  readonly maxRunningRequests: number;
  readonly maxQueuedRequests: number;
  readonly chunkedPrefillSize: number;
  readonly maxRows: number;
  readonly maxOutputs: number;
  readonly disableRadixCache: boolean;
  readonly eosTokenIds: readonly number[];
  /** Decode steps between two decode log lines. */
  readonly decodeLogInterval: number;
}
