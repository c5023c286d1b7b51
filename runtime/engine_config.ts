/**
 * Derives the actors' configuration from the command line and the checkpoint.
 *
 * @module
 */
import process from "node:process";
import type { Checkpoint, SchedulerConfig, ServerArgs, VerifierConfig, VerifierInfo } from "./config.ts";
import type { EngineOptions } from "./engine_options.ts";
import { LoadError } from "./errors.ts";
import type { ModelInfo } from "./generation.ts";
import type { DraftCosts, DraftingConfig, SpeculationConfig } from "./speculation_config.ts";
import { NO_BOUND } from "./text_length.ts";

/** Limits used where the command line sets none; a GPU wants wider batches to be busy. */
const DEFAULTS = {
  cpu: { chunkedPrefillSize: 256, maxRunningRequests: 32 },
  "cuda-sim": { chunkedPrefillSize: 256, maxRunningRequests: 32 },
  cuda: { chunkedPrefillSize: 2048, maxRunningRequests: 256 },
} as const;

/** Full contexts the KV pool holds at most, unless asked for more. */
const NUM_CONTEXTS = 8;

/** Outputs of one forward at least; prompt logprobs ask for more than one per sequence. */
const MIN_MAX_OUTPUTS = 64;

/** The model as clients see it. */
export function describeModel(
  { args, checkpoint, tokenizer }: Pick<EngineOptions, "args" | "checkpoint" | "tokenizer">,
  { contextLength, eosTokenIds }: VerifierConfig,
): ModelInfo {
  return {
    modelPath: checkpoint.path,
    tokenizerPath: args.tokenizerPath ?? checkpoint.path,
    servedModelName: args.servedModelName ?? checkpoint.path,
    contextLength,
    vocabSize: checkpoint.config.vocabSize,
    textBound: tokenizer.textBound ?? NO_BOUND,
    eosTokenIds,
    allowAutoTruncate: args.allowAutoTruncate,
  };
}

/**
 * What the verifier is started with.
 *
 * @throws {LoadError} if the flags do not fit the model or the memory
 */
export function planVerifier(options: {
  readonly args: ServerArgs;
  readonly checkpoint: Checkpoint;
  readonly libraryPath: string;
  readonly device: VerifierConfig["device"];
  readonly eosTokenIds: readonly number[];
  readonly speculation?: SpeculationConfig | undefined;
}): VerifierConfig {
  const { args, checkpoint, libraryPath, device, eosTokenIds, speculation } = options;
  const longest = checkpoint.config.maxPositionEmbeddings;
  const contextLength = args.contextLength ?? longest;
  if (contextLength > longest) {
    throw new LoadError(`Cannot use context length ${contextLength}: the model's is ${longest}`);
  }
  const kvDtype = args.kvCacheDtype === "auto" ? "bfloat16" : args.kvCacheDtype;
  const maxRunningRequests = args.maxRunningRequests ?? DEFAULTS[device].maxRunningRequests;
  const numDraftTokens = speculation?.numDraftTokens ?? 1;
  const maxTotalTokens = args.maxTotalTokens ??
    tokensInMemory(args, checkpoint, { kvDtype, contextLength, speculation });
  if (maxTotalTokens < args.pageSize) {
    throw new LoadError(
      `Cannot make KV pool: ${maxTotalTokens} tokens are less than a page of ${args.pageSize}`,
    );
  }
  return {
    checkpoint,
    libraryPath,
    device,
    // Counts the CPUs of the affinity mask within the container's quota.
    threads: args.threads ?? navigator.hardwareConcurrency,
    mayUseFewerThreads: args.threads === undefined,
    dtype: args.dtype,
    kvDtype,
    pageSize: args.pageSize,
    maxTotalTokens,
    contextLength,
    maxRows: chunkedPrefillSize(args, device, contextLength) + maxRunningRequests * numDraftTokens,
    maxOutputs: Math.max(MIN_MAX_OUTPUTS, maxRunningRequests * numDraftTokens),
    maxRunningRequests,
    maxNodes: numDraftTokens - 1,
    eosTokenIds,
    featureLayers: speculation?.head?.head.featureLayers ?? [],
    ...(speculation?.acceptThresholds && { acceptThresholds: speculation.acceptThresholds }),
  };
}

/** What the scheduler is started with, once the verifier knows its pool. */
export function planScheduler(
  args: ServerArgs,
  { pageSize, contextLength, maxRunningRequests, maxRows, maxOutputs, device, eosTokenIds }: VerifierConfig,
  { numPages, forwardMs, contextMs }: VerifierInfo,
  drafts?: { readonly speculation: SpeculationConfig; readonly draftMs: DraftCosts },
): SchedulerConfig {
  return {
    numPages,
    pageSize,
    contextLength,
    maxRunningRequests,
    maxQueuedRequests: args.maxQueuedRequests,
    chunkedPrefillSize: chunkedPrefillSize(args, device, contextLength),
    maxRows,
    maxOutputs,
    disableRadixCache: args.disableRadixCache,
    eosTokenIds,
    decodeLogInterval: args.decodeLogInterval,
    ...(drafts && forwardMs && contextMs && {
      drafting: planDrafting(drafts.speculation, { forwardMs, contextMs, draftMs: drafts.draftMs }),
    }),
  };
}

function planDrafting(
  { numSteps, topk, numDraftTokens, adaptive, head }: SpeculationConfig,
  measured: Pick<DraftingConfig, "forwardMs" | "contextMs" | "draftMs">,
): DraftingConfig {
  const looksAhead = head !== undefined;
  return { numSteps, topk, numNodes: numDraftTokens - 1, adaptive, looksAhead, ...measured };
}

function chunkedPrefillSize(
  args: ServerArgs,
  device: VerifierConfig["device"],
  contextLength: number,
): number {
  const size = args.chunkedPrefillSize ?? DEFAULTS[device].chunkedPrefillSize;
  return size === -1 ? contextLength : size;
}

/**
 * Tokens of a KV pool that fits memory. With `--mem-fraction-static`, weights and pool take that share of what is
 * free; without, the pool takes half of it, but no more than a few full contexts.
 */
function tokensInMemory(
  { memFractionStatic }: ServerArgs,
  { config, tensors }: Checkpoint,
  options: {
    readonly kvDtype: VerifierConfig["kvDtype"];
    readonly contextLength: number;
    readonly speculation: SpeculationConfig | undefined;
  },
): number {
  const { draft, head } = options.speculation ?? {};
  const numValues = [config, draft?.config, head?.config].reduce(
    (sum, its) => sum + (its ? 2 * its.numLayers * its.numKvHeads * its.headDim : 0),
    0,
  );
  const featureBytes = 4 * config.hiddenSize * (head?.head.featureLayers.length ?? 0);
  const tokenBytes = numValues * (options.kvDtype === "float32" ? 4 : 2) + featureBytes;
  const freeBytes = Math.min(process.availableMemory(), process.constrainedMemory());
  if (memFractionStatic === undefined) {
    return Math.min(Math.floor(freeBytes / 2 / tokenBytes), NUM_CONTEXTS * options.contextLength);
  }
  const weightBytes = tensors.values().reduce((sum, { bytes }) => sum + bytes, 0);
  return Math.floor((freeBytes * memFractionStatic - weightBytes) / tokenBytes);
}
