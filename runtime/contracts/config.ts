/**
 * What each actor is started with and what it answers: plain data, derived once at start from what the command line says.
 *
 * @module
 */
import type { Checkpoint } from "./checkpoint.ts";
import type { ServerArgs } from "./server_args.ts";
import type {
  AcceptThresholds,
  ContextCosts,
  CostCurve,
  DraftCosts,
  DraftingConfig,
  SpeculationConfig,
  TargetHandles,
} from "./speculation_config.ts";

/** What the verifier needs to start. */
export interface VerifierConfig {
  /** The target model. */
  readonly checkpoint: Checkpoint;
  /** Path of the native library. */
  readonly libraryPath: string;
  /** Backend that runs the model. */
  readonly device: "cpu" | "cuda" | "cuda-sim";
  /** Number of the device among those of its kind; 0 if left out. */
  readonly deviceIndex?: number;
  /** Sequences of a step that graphs are captured for at most; none are if left out. */
  readonly graphSequences?: number;
  /** Native threads, the verifier's own included. */
  readonly threads: number;
  /** Whether to use fewer if a trial at start shows that they are faster. */
  readonly mayUseFewerThreads: boolean;
  /** Type of floating weights. */
  readonly dtype: ServerArgs["dtype"];
  /** Type of keys and values. */
  readonly kvDtype: "float16" | "bfloat16" | "float32";
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
  /** Size of the hidden states that are kept for a draft head. */
  readonly featureBytes: number;
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
  /** Undefined: no limit of its own. */
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

/** What the drafter is started with. */
export interface DrafterConfig {
  /** Undefined: it idles. */
  readonly speculation: SpeculationConfig | undefined;
  /** The target as the verifier was asked for it. */
  readonly verifierConfig: VerifierConfig;
  /** The target as the verifier loaded it. */
  readonly verifierInfo: VerifierInfo;
}

/** What the drafter found out while starting. */
export interface DrafterInfo {
  /** Absent without speculation. */
  readonly costs?: DraftCosts;
}

/** What the matcher is started with. */
export interface MatcherConfig {
  /** The tokenizer's source as JSON text, in memory that threads share; undefined: no constraint can be used. */
  readonly definition: Uint8Array | undefined;
  /** Logits of the model. */
  readonly vocabSize: number;
  /** Tokens that end generation. */
  readonly eosTokenIds: readonly number[];
  /** Longest time for the compile of a grammar. */
  readonly grammarTimeoutMs: number;
}
