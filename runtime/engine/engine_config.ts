/**
 * Derives the actors' configuration from the command line and the checkpoint.
 *
 * @module
 */
import { architectureOf } from "../architectures/registry.ts";
import type { Checkpoint } from "../contracts/checkpoint.ts";
import type { SchedulerConfig, VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import type { ServerArgs } from "../contracts/server_args.ts";
import type { EngineOptions } from "./options.ts";
import { LoadError } from "../contracts/errors.ts";
import type { ModelInfo } from "../contracts/model_info.ts";
import { type FreeMemory, readFreeMemory } from "./device_memory.ts";
import { waitsForEachOp } from "./devices.ts";
import { planPool } from "./pool_size.ts";
import type { DraftCosts, DraftingConfig, SpeculationConfig } from "../contracts/speculation_config.ts";
import { DEFAULT_EMBEDDING } from "../contracts/hidden_states.ts";
import { NO_BOUND } from "../contracts/text_length.ts";
import { samplingDefaults } from "./sampling_defaults.ts";
import { proposerEntry } from "../speculation/registry.ts";

/** Limits used where the command line sets none; a GPU wants wider batches to be busy. */
const DEFAULTS = {
  cpu: { chunkedPrefillSize: 256, maxRunningRequests: 32, maxSpeculating: 32, maxHeadDim: 512 },
  "cuda-sim": { chunkedPrefillSize: 256, maxRunningRequests: 32, maxSpeculating: 32, maxHeadDim: 256 },
  cuda: { chunkedPrefillSize: 2048, maxRunningRequests: 256, maxSpeculating: 48, maxHeadDim: 256 },
} as const;

/** Slots and positions are signed 32-bit numbers in the library. */
const MAX_TOKENS = 2 ** 31 - 1;

/** Outputs of one forward at least; prompt logprobs ask for more than one per sequence. */
const MIN_MAX_OUTPUTS = 64;

/**
 * The model as clients see it.
 *
 * @throws {LoadError} if it recommends to sample in a way that there is not
 */
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
    modelType: architectureOf(checkpoint.config).modelType,
    tokenizer: tokenizer.facts ?? { addsBos: false },
    ...(args.toolCallParser !== "auto" && { toolCallParser: args.toolCallParser }),
    ...(args.reasoningParser !== "auto" && { reasoningParser: args.reasoningParser }),
    contextLength,
    maxRunningRequests,
    vocabSize: checkpoint.config.vocabSize,
    textBound: tokenizer.textBound ?? NO_BOUND,
    embedding: {
      ...checkpoint.embedding ?? DEFAULT_EMBEDDING,
      size: checkpoint.config.hiddenSize,
      isOnly: args.isEmbedding,
    },
    eosTokenIds,
    samplingDefaults: args.samplingDefaults === "model" ? samplingDefaults(checkpoint) : {},
    enforcesGrammars: args.grammarBackend !== "none",
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
  readonly deviceIndex?: number | undefined;
  readonly eosTokenIds: readonly number[];
  readonly speculation?: SpeculationConfig | undefined;
  /** What may be taken; the device is asked if absent. */
  readonly free?: FreeMemory;
}): VerifierConfig {
  const { args, checkpoint, libraryPath, device, deviceIndex, eosTokenIds, speculation } = options;
  const { maxPositionEmbeddings, rope: { scaling } } = checkpoint.config;
  // Dynamic scaling reaches beyond what the model was trained for.
  const longest = Math.floor(maxPositionEmbeddings * (scaling?.type === "dynamic" ? scaling.factor : 1));
  const contextLength = args.contextLength ?? maxPositionEmbeddings;
  if (contextLength > longest) {
    throw new LoadError(`Cannot use context length ${contextLength}: the model's is ${longest}`);
  }
  if (contextLength > MAX_TOKENS || (args.maxTotalTokens ?? 0) > MAX_TOKENS) {
    const [flag, tokens] = contextLength > MAX_TOKENS
      ? ["--context-length", contextLength]
      : ["--max-total-tokens", args.maxTotalTokens];
    throw new LoadError(`Cannot use ${flag} ${tokens}: expected at most ${MAX_TOKENS}`);
  }
  checkHeadDim(checkpoint, device);
  const kvDtype = args.kvCacheDtype === "auto" ? "bfloat16" : args.kvCacheDtype;
  const maxRunningRequests = args.maxRunningRequests ??
    DEFAULTS[device][speculation ? "maxSpeculating" : "maxRunningRequests"];
  const numDraftTokens = speculation?.numDraftTokens ?? 1;
  const prefillSize = chunkedPrefillSize(args, device, contextLength);
  const sizes = {
    checkpoint,
    device,
    dtype: args.dtype,
    kvDtype,
    pageSize: args.pageSize,
    contextLength,
    maxRows: prefillSize + maxRunningRequests * numDraftTokens,
    maxOutputs: Math.max(
      MIN_MAX_OUTPUTS,
      maxRunningRequests * numDraftTokens,
      // Every row of a text is an output then.
      checkpoint.embedding?.pooling === "mean" ? prefillSize : 0,
    ),
    maxRunningRequests,
    maxNodes: numDraftTokens - 1,
  } as const;
  const free = options.free ??
    readFreeMemory({ libraryPath, device, checkpoint, ...(deviceIndex !== undefined && { deviceIndex }) });
  const maxTotalTokens = planPool({ ...sizes, args, speculation, free });
  if (maxTotalTokens < args.pageSize) {
    throw new LoadError(
      `Cannot make KV pool: ${maxTotalTokens} tokens are less than a page of ${args.pageSize}`,
    );
  }
  return {
    ...sizes,
    libraryPath,
    ...(deviceIndex !== undefined && { deviceIndex }),
    ...graphsOf(args, device, free, maxRunningRequests),
    // Counts the CPUs of the affinity mask within the container's quota.
    threads: args.threads ?? navigator.hardwareConcurrency,
    mayUseFewerThreads: device === "cpu" && args.threads === undefined,
    maxTotalTokens,
    eosTokenIds,
    featureLayers: speculation?.head?.head.featureLayers ?? [],
    ...(speculation?.acceptThresholds && { acceptThresholds: speculation.acceptThresholds }),
  };
}

/**
 * Throws if the kernels of a device have no attention of the model's head width.
 *
 * @throws {LoadError} naming it
 */
function checkHeadDim({ path, config: { headDim } }: Checkpoint, device: VerifierConfig["device"]): void {
  const { maxHeadDim } = DEFAULTS[device];
  if (headDim % 16 === 0 && headDim <= maxHeadDim) return;
  throw new LoadError(
    `Cannot load ${path}: head_dim is ${headDim}, expected a multiple of 16 up to ${maxHeadDim}`,
  );
}

/** For how many sequences graphs are captured; by free memory as SGLang does, where no flag says it. */
function graphsOf(
  { cudaGraphMaxBs, disableCudaGraph }: ServerArgs,
  device: VerifierConfig["device"],
  { bytes }: FreeMemory,
  maxRunningRequests: number,
): Pick<VerifierConfig, "graphSequences"> {
  if (device === "cpu" || disableCudaGraph || waitsForEachOp()) return {};
  const gigabytes = bytes / 2 ** 30;
  const usual = device === "cuda-sim"
    ? 4
    : gigabytes < 20
    ? 8
    : gigabytes < 35
    ? 24
    : gigabytes < 60
    ? 32
    : 256;
  return { graphSequences: Math.min(cudaGraphMaxBs ?? usual, maxRunningRequests) };
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
