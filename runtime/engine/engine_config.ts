/**
 * Derives the actors' configuration from the command line and the checkpoint.
 *
 * @module
 */
import type { Checkpoint } from "../contracts/checkpoint.ts";
import type { SchedulerConfig, VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import type { ServerArgs } from "../contracts/server_args.ts";
import type { EngineOptions } from "./options.ts";
import { LoadError } from "../contracts/errors.ts";
import type { ModelInfo } from "../contracts/model_info.ts";
import { type FreeMemory, readFreeMemory } from "./free_memory.ts";
import { type MemoryConfig, memoryNeeds, tokenBytesOf } from "./memory_needs.ts";
import type { DraftCosts, DraftingConfig, SpeculationConfig } from "../contracts/speculation_config.ts";
import { NO_BOUND } from "../contracts/text_length.ts";
import { proposerEntry } from "../speculation/registry.ts";

/** Limits used where the command line sets none; a GPU wants wider batches to be busy. */
const DEFAULTS = {
  cpu: { chunkedPrefillSize: 256, maxRunningRequests: 32 },
  "cuda-sim": { chunkedPrefillSize: 256, maxRunningRequests: 32 },
  cuda: { chunkedPrefillSize: 2048, maxRunningRequests: 256 },
} as const;

/** Full contexts the KV pool holds at most, unless asked for more. */
const NUM_CONTEXTS = 8;

/** Slots and positions are signed 32-bit numbers in the library. */
const MAX_TOKENS = 2 ** 31 - 1;

/** For what is not counted: the actors' JavaScript, buffers of the kernels, requests. */
const RESERVE_BYTES = 96 << 20;

/** Outputs of one forward at least; prompt logprobs ask for more than one per sequence. */
const MIN_MAX_OUTPUTS = 64;

/** The model as clients see it. */
export function describeModel(
  { args, checkpoint, tokenizer, folders }: Pick<
    EngineOptions,
    "args" | "checkpoint" | "tokenizer" | "folders"
  >,
  { contextLength, maxRunningRequests, eosTokenIds }: VerifierConfig,
): ModelInfo {
  const [servedModelName = checkpoint.path, ...modelAliases] = namesIn(args.servedModelName ?? "");
  return {
    modelPath: checkpoint.path,
    modelFolder: folders?.model ?? checkpoint.path,
    servedModelName,
    modelAliases,
    tokenizerPath: folders?.tokenizer ?? args.tokenizerPath ?? checkpoint.path,
    architecture: checkpoint.config.architecture,
    tokenizer: tokenizer.facts ?? { addsBos: false },
    contextLength,
    maxRunningRequests,
    vocabSize: checkpoint.config.vocabSize,
    textBound: tokenizer.textBound ?? NO_BOUND,
    eosTokenIds,
    allowAutoTruncate: args.allowAutoTruncate,
  };
}

/** The names in a list with commas between, each once. */
function namesIn(list: string): string[] {
  return [...new Set(list.split(",").map((name) => name.trim()).filter((name) => name !== ""))];
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
  /** What may be taken; read here if absent. */
  readonly free?: FreeMemory;
}): VerifierConfig {
  const { args, checkpoint, libraryPath, device, eosTokenIds, speculation } = options;
  const longest = checkpoint.config.maxPositionEmbeddings;
  const contextLength = args.contextLength ?? longest;
  if (contextLength > longest) {
    throw new LoadError(`Cannot use context length ${contextLength}: the model's is ${longest}`);
  }
  if (contextLength > MAX_TOKENS || (args.maxTotalTokens ?? 0) > MAX_TOKENS) {
    const [flag, tokens] = contextLength > MAX_TOKENS
      ? ["--context-length", contextLength]
      : ["--max-total-tokens", args.maxTotalTokens];
    throw new LoadError(`Cannot use ${flag} ${tokens}: expected at most ${MAX_TOKENS}`);
  }
  const kvDtype = args.kvCacheDtype === "auto" ? "bfloat16" : args.kvCacheDtype;
  const maxRunningRequests = args.maxRunningRequests ?? DEFAULTS[device].maxRunningRequests;
  const numDraftTokens = speculation?.numDraftTokens ?? 1;
  const sizes = {
    checkpoint,
    dtype: args.dtype,
    kvDtype,
    pageSize: args.pageSize,
    contextLength,
    maxRows: chunkedPrefillSize(args, device, contextLength) + maxRunningRequests * numDraftTokens,
    maxOutputs: Math.max(MIN_MAX_OUTPUTS, maxRunningRequests * numDraftTokens),
    maxRunningRequests,
  } as const;
  const maxTotalTokens = planPool({ ...sizes, args, speculation, free: options.free ?? readFreeMemory() });
  if (maxTotalTokens < args.pageSize) {
    throw new LoadError(
      `Cannot make KV pool: ${maxTotalTokens} tokens are less than a page of ${args.pageSize}`,
    );
  }
  return {
    ...sizes,
    libraryPath,
    device,
    // Counts the CPUs of the affinity mask within the container's quota.
    threads: args.threads ?? navigator.hardwareConcurrency,
    mayUseFewerThreads: args.threads === undefined,
    maxTotalTokens,
    maxNodes: numDraftTokens - 1,
    eosTokenIds,
    featureLayers: speculation?.head?.head.featureLayers ?? [],
    ...(speculation?.acceptThresholds && { acceptThresholds: speculation.acceptThresholds }),
  };
}

/** Tokens that end generation, by the model and by its tokenizer. */
export function endTokens({ config }: Checkpoint, ofTokenizer: readonly number[]): number[] {
  // A token without a row of logits is never drawn, and cannot be banned.
  return [...new Set([...config.eosTokenIds, ...ofTokenizer])].filter((token) => token < config.vocabSize);
}

/** What the scheduler is started with, once the verifier knows its pool. */
export function planScheduler(
  args: ServerArgs,
  { pageSize, contextLength, maxRunningRequests, maxRows, maxOutputs, device, eosTokenIds }: VerifierConfig,
  { numPages, forwardMs, contextMs }: VerifierInfo,
  drafts?: { readonly speculation: SpeculationConfig; readonly draftMs: DraftCosts },
): SchedulerConfig {
  const maxQueuedPerClient = args.maxQueuedPerClient ?? Math.ceil(args.maxQueuedRequests / 2);
  return {
    numPages,
    pageSize,
    contextLength,
    schedulePolicy: args.schedulePolicy,
    scheduleConservativeness: args.scheduleConservativeness,
    maxRunningRequests,
    maxQueuedRequests: args.maxQueuedRequests,
    ...(maxQueuedPerClient >= 0 && { maxQueuedPerClient }),
    ...(args.maxQueuedTokens !== undefined && { maxQueuedTokens: args.maxQueuedTokens }),
    chunkedPrefillSize: chunkedPrefillSize(args, device, contextLength),
    maxPrefillTokens: args.maxPrefillTokens,
    ...(args.maxStepMs >= 0 && { maxStepMs: args.maxStepMs }),
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
  { algorithm, numSteps, topk, numDraftTokens, adaptive }: SpeculationConfig,
  measured: Pick<DraftingConfig, "forwardMs" | "contextMs" | "draftMs">,
): DraftingConfig {
  const { keyIncludesNextToken } = proposerEntry(algorithm);
  return { numSteps, topk, numNodes: numDraftTokens - 1, adaptive, keyIncludesNextToken, ...measured };
}

function chunkedPrefillSize(
  args: ServerArgs,
  device: VerifierConfig["device"],
  contextLength: number,
): number {
  const size = args.chunkedPrefillSize ?? DEFAULTS[device].chunkedPrefillSize;
  return size === -1 ? contextLength : size;
}

/** What the size of the pool is settled by. */
interface PoolOptions extends MemoryConfig {
  readonly args: ServerArgs;
  readonly speculation: SpeculationConfig | undefined;
  readonly free: FreeMemory;
}

/**
 * Tokens of the KV pool. With `--mem-fraction-static`, weights and pool take that share of what is free; without, the
 * pool takes half of it, but no more than a few full contexts.
 *
 * @throws {LoadError} if weights and pool do not fit what is free
 */
function planPool({ args, speculation, free, ...config }: PoolOptions): number {
  const needs = memoryNeeds(config, speculation), tokenBytes = tokenBytesOf(needs);
  const { maxTotalTokens, memFractionStatic } = args, { path } = config.checkpoint;
  const weightBytes = needs.weightBytes + needs.draftWeightBytes;
  const fixedBytes = weightBytes + needs.activationBytes + RESERVE_BYTES;
  const leastBytes = fixedBytes + args.pageSize * tokenBytes;
  if (leastBytes > free.bytes) throw new LoadError(`Cannot load ${path}: ${shortage(leastBytes, free)}`);
  if (maxTotalTokens !== undefined) {
    const neededBytes = fixedBytes + maxTotalTokens * tokenBytes;
    if (neededBytes > free.bytes) {
      throw new LoadError(`Cannot use --max-total-tokens ${maxTotalTokens}: ${shortage(neededBytes, free)}`);
    }
    return maxTotalTokens;
  }
  const fitting = Math.floor((free.bytes - fixedBytes) / tokenBytes);
  if (memFractionStatic === undefined) {
    const half = Math.floor(free.bytes / 2 / tokenBytes);
    return Math.min(fitting, half, NUM_CONTEXTS * config.contextLength);
  }
  const share = Math.floor((free.bytes * memFractionStatic - weightBytes) / tokenBytes);
  if (share < args.pageSize) {
    throw new LoadError(
      `Cannot use --mem-fraction-static ${memFractionStatic}: weights and a page of KV take ${
        gigabytes(weightBytes + args.pageSize * tokenBytes)
      }, more than that share of the ${gigabytes(free.bytes)} that are free`,
    );
  }
  return Math.min(share, fitting);
}

function shortage(neededBytes: number, { bytes, boundBy }: FreeMemory): string {
  const where = boundBy === "cgroup" ? "in the control group" : "on the host";
  return `needs ${neededBytes} bytes (${gigabytes(neededBytes)}), ` +
    `${bytes} bytes (${gigabytes(bytes)}) are free ${where}`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GB`;
}
