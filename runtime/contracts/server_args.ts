/**
 * What the command line says, as plain data.
 *
 * @module
 */
import type { LogLevel } from "./log_level.ts";

/** Flags of `serve.ts` after parsing; names are SGLang's in camelCase. Undefined means "decide for me". */
export interface ServerArgs {
  /** Local folder, local `.gguf`, hub id `owner/repo[:file]`, or undefined for the default model. */
  readonly modelPath?: string;
  /** Branch, tag or commit of a hub model; `main` if left out. */
  readonly revision?: string;
  /** Replaces the model's own tokenizer. */
  readonly tokenizerPath?: string;
  /** Names of the model, with commas between, that of answers first; the model path if left out. */
  readonly servedModelName?: string;
  /** Address to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Type of floating weights; quantised ones stay quantised. */
  readonly dtype: "auto" | "float32" | "bfloat16" | "float16";
  /** Which weights of a folder are read. */
  readonly loadFormat: "auto" | "safetensors" | "pt" | "gguf";
  /** How the weights are quantised, which the files say too. */
  readonly quantization?: string;
  /** Longest sequence in tokens; the model's own if left out. */
  readonly contextLength?: number;
  /** Order in which waiting sequences are admitted: first come, or longest prefix in the radix cache. */
  readonly schedulePolicy: "fcfs" | "lpm";
  /** Multiplies the share of the tokens still to come for which pages are kept free. */
  readonly scheduleConservativeness: number;
  /** Rows of prefill of several sequences in one forward. */
  readonly maxPrefillTokens: number;
  /** Sequences in one batch at most. */
  readonly maxRunningRequests?: number;
  /** Tokens the KV pool holds. */
  readonly maxTotalTokens?: number;
  /** Requests that may wait besides the running ones. */
  readonly maxQueuedRequests: number;
  /** Requests of one client address allowed to wait; half of the queue if left out, -1 for no limit. */
  readonly maxQueuedPerClient?: number;
  /** Prompt tokens allowed to wait. */
  readonly maxQueuedTokens?: number;
  /** Share of the device's free memory for weights and KV pool, above 0 and at most 1. */
  readonly memFractionStatic?: number;
  /** Tokens in a page of the KV pool. */
  readonly pageSize: number;
  /** Rows of prefill in one forward; -1 turns chunking off. */
  readonly chunkedPrefillSize?: number;
  /** Time of a forward with both prompts and running sequences, milliseconds; -1 for no limit. */
  readonly maxStepMs: number;
  /** Do not reuse the KV of common prompt prefixes. */
  readonly disableRadixCache: boolean;
  /** Type of keys and values in the pool. */
  readonly kvCacheDtype: "auto" | "float16" | "bfloat16" | "float32";
  /** Cut prompts and limits that exceed the context instead of refusing them. */
  readonly allowAutoTruncate: boolean;
  /** Determines the seeds of requests that bring none. */
  readonly randomSeed?: number;
  /** Tokens gathered per chunk of a stream. */
  readonly streamInterval: number;
  /** Folder that profiles are written into. */
  readonly profileDir?: string;
  /** Least severe lines shown. */
  readonly logLevel: LogLevel;
  /** Decode steps between two decode log lines. */
  readonly decodeLogInterval: number;
  /** Write a line for every request that ends. */
  readonly logRequests: boolean;
  /** What such a line says: 0 counts, 1 sampling parameters too, 2 beginnings of texts too, 3 whole texts. */
  readonly logRequestsLevel: number;
  /** Count for `/metrics` and serve it. */
  readonly enableMetrics: boolean;
  /** Bearer token; undefined leaves the server open. */
  readonly apiKey?: string;
  /** File that holds it. */
  readonly apiKeyFile?: string;
  /** Names besides local ones that the Host header may have; undefined: any, but none on a loopback address. */
  readonly allowedHosts?: readonly string[];
  /** Origins of web pages besides local ones that may call; `*` for all. */
  readonly corsOrigins?: readonly string[];
  /** Connections at once; undefined decides by the limit of open files. */
  readonly maxConnections?: number;
  /** Seconds for the whole head of a request. */
  readonly timeoutHeaders: number;
  /** Seconds without a byte in a body, or without one that the reader of an answer takes. */
  readonly timeoutBody: number;
  /** Seconds a connection may wait for its next request. */
  readonly timeoutKeepAlive: number;
  /** Seconds that admitted requests have to end after a signal. */
  readonly drainTimeout: number;
  /** What enforces grammars; `none` refuses requests that bring one. */
  readonly grammarBackend: "xgrammar" | "none";
  /** Seconds that one grammar may take to be compiled. */
  readonly grammarTimeout: number;
  /** Name of the form in which the model writes calls of tools; `auto`: what its chat template asks for. */
  readonly toolCallParser: string;
  /** Name of the form in which it writes reasoning; `auto`: what its chat template knows. */
  readonly reasoningParser: string;
  /** Backend that runs the model. */
  readonly device: "auto" | "cpu" | "cuda" | "cuda-sim";
  /** Number of the GPU among those of its kind. */
  readonly baseGpuId: number;
  /** Sequences of a step that graphs are captured for at most; by the device's memory if left out. */
  readonly cudaGraphMaxBs?: number;
  /** Capture no graphs. */
  readonly disableCudaGraph: boolean;
  /** Native threads; undefined uses the CPUs this process may run on. */
  readonly threads?: number;
  /** Where downloads are kept. */
  readonly downloadDir?: string;
  /** Name of the weights in native answers. */
  readonly weightVersion: string;
  /** Where sampling parameters that a request leaves out come from: the model's files, or the API. */
  readonly samplingDefaults: "model" | "openai";
  /** Path below which a proxy shows the server, without a slash at its end. */
  readonly rootPath?: string;
  /** Serve the pages at `/`, `/ui` and `/docs`. */
  readonly ui: boolean;
  /** Name of a chat template, Jinja text, or the path of a file with it. */
  readonly chatTemplate?: string;
  /** Seconds that one text or chat may take to become tokens. */
  readonly tokenizeTimeout: number;
  /** Report ready without a first request. */
  readonly skipServerWarmup: boolean;
  /** Endpoints that get a first request besides the usual one. */
  readonly warmups?: readonly ("chat" | "completions" | "generate")[];
  /** Report `cached_tokens` in OpenAI usage. */
  readonly enableCacheReport: boolean;
  /** Serve embeddings only. */
  readonly isEmbedding: boolean;
  /** Proposer: a name in `speculation/registry.ts`, or NONE; undefined decides by the model. */
  readonly speculativeAlgorithm?: string;
  /** The draft model or head: local folder or hub id. */
  readonly speculativeDraftModelPath?: string;
  /** Branch, tag or commit of a hub's draft model or head; `main` if left out. */
  readonly speculativeDraftModelRevision?: string;
  /** Levels of a draft tree. */
  readonly speculativeNumSteps?: number;
  /** Children of a node at most. */
  readonly speculativeEagleTopk?: number;
  /** Nodes of a draft tree, its root counted. */
  readonly speculativeNumDraftTokens?: number;
  /** Size trees by cost and gain although their shape is given; that is then the largest. */
  readonly speculativeAdaptive: boolean;
  /** File with the tokens that a draft head may propose. */
  readonly speculativeTokenMap?: string;
  /** Accept a draft of at least this probability; 1 is exact. */
  readonly speculativeAcceptThresholdSingle: number;
  /** Divides the probability of the drafts at a node before the draw; 1 is exact. */
  readonly speculativeAcceptThresholdAcc: number;
  /** NGRAM: children of a node after the longest match. */
  readonly speculativeNgramMinBfsBreadth: number;
  /** NGRAM: children of a node after the shortest match. */
  readonly speculativeNgramMaxBfsBreadth: number;
  /** NGRAM: the latest or the most frequent continuations first. */
  readonly speculativeNgramMatchType: "BFS" | "PROB";
  /** NGRAM: tokens of a run that is remembered. */
  readonly speculativeNgramMaxTrieDepth: number;
  /** NGRAM: nodes of the trie at most. */
  readonly speculativeNgramCapacity: number;
  /** SYNTHETIC: how often a draft at depth 1, 2, ... is right. */
  readonly speculativeSyntheticAcceptance: readonly number[];
}
