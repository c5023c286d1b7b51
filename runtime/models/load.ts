/**
 * Brings a checkpoint into native memory as a model that can run forwards, with SGLang's log lines on the way.
 *
 * @module
 */
import type { ModelConfig } from "../contracts/checkpoint.ts";
import type { VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import type { LogLevel } from "../contracts/log_level.ts";
import { LoadError } from "../contracts/errors.ts";
import { gigabytes } from "../contracts/gigabytes.ts";
import type { BatchLimits } from "../../ffi/types.ts";
import type { Context } from "../../ffi/context.ts";
import { NativeError } from "../../ffi/error.ts";
import type { BatchId, KvId, TensorId } from "../../ffi/handles.ts";
import { Weights } from "../nn/weights.ts";
import type { FeaturePool } from "../nn/parts.ts";
import { FEATURE_BYTES, FEATURE_DTYPE, type Model } from "./model.ts";
import { createModel } from "./registry.ts";

/** Prevailing formats that are stored as `--dtype` says. */
const FLOAT_NAMES: ReadonlySet<string> = new Set(["float32", "bfloat16", "float16"]);

/** The part of a verifier's configuration that concerns the model alone. */
export type LoadConfig = Omit<
  VerifierConfig,
  | "libraryPath"
  | "device"
  | "deviceIndex"
  | "graphSequences"
  | "threads"
  | "mayUseFewerThreads"
  | "eosTokenIds"
  | "acceptThresholds"
>;

/** A loaded model with its batch and KV pool. */
export interface LoadedModel {
  readonly context: Context;
  readonly model: Model;
  readonly batch: BatchId;
  readonly kv: KvId;
  /** Hidden states per KV slot, if a proposer wants them. */
  readonly features?: TensorId;
  /** Of the batch. */
  readonly limits: BatchLimits;
  readonly info: VerifierInfo;
}

/**
 * Runs what brings a checkpoint into the library; what the library refuses then names the checkpoint, and
 * where memory ran out, the flags that help.
 *
 * @throws {LoadError} in place of a `NativeError`
 */
export function loading<Result>(path: string, body: () => Result): Result {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    const remedy = error.code === "out_of_memory"
      ? ", a smaller --mem-fraction-static or --max-total-tokens leaves more"
      : "";
    throw new LoadError(`Cannot load ${path}: ${error.message}${remedy}`);
  }
}

/** The largest forward that a configuration allows; a segment's pages hold its context and its tree. */
export function batchLimits(
  { maxRows, maxRunningRequests, contextLength, maxNodes, pageSize, maxOutputs }: Pick<
    VerifierConfig,
    "maxRows" | "maxRunningRequests" | "contextLength" | "maxNodes" | "pageSize" | "maxOutputs"
  >,
): BatchLimits {
  return {
    rows: maxRows,
    segments: maxRunningRequests,
    pages: Math.ceil((contextLength + maxNodes) / pageSize),
    outputs: maxOutputs,
  };
}

/** Keys and values of one token in all layers, bytes. */
export function kvBytes(
  { numLayers, numKvHeads, headDim }: ModelConfig,
  kvDtype: VerifierConfig["kvDtype"],
): number {
  return 2 * numLayers * numKvHeads * headDim * (kvDtype === "float32" ? 4 : 2);
}

/** What the log says of a KV pool. */
export function kvLine(config: ModelConfig, kvDtype: VerifierConfig["kvDtype"], numTokens: number): string {
  const half = gigabytes(numTokens * kvBytes(config, kvDtype) / 2);
  return `KV Cache is allocated. dtype: ${kvDtype}, #tokens: ${numTokens}, K size: ${half}, V size: ${half}`;
}

/** Free memory of the device, for the log. */
export function availableMemory(context: Context): string {
  return gigabytes(context.memory().freeBytes);
}

/**
 * Loads the weights and allocates the KV pool. All of it is released with the context.
 *
 * @throws {LoadError} if the checkpoint lacks something, a layer to keep hidden states of included
 * @throws {NativeError} if memory runs out or the device is absent
 */
export function loadModel(
  context: Context,
  config: LoadConfig,
  log: (level: LogLevel, text: string) => void,
): LoadedModel {
  const { checkpoint, pageSize } = config;
  const limits = batchLimits(config), batch = context.createBatch(limits);
  log("info", `Load weight begin. avail mem=${availableMemory(context)}`);
  const dtype = config.dtype === "auto" ? Weights.autoDtype(checkpoint) : config.dtype;
  const weights = new Weights({
    context,
    checkpoint,
    dtype,
    onProgress: shardProgress(checkpoint.tensors.values(), checkpoint.files, log),
  });
  const numPages = Math.floor(config.maxTotalTokens / pageSize);
  const features = createFeaturePool(context, config, numPages * pageSize);
  const model = createModel({
    context,
    config: checkpoint.config,
    weights,
    batch,
    contextLength: config.contextLength,
    ...(features && { features }),
  });
  weights.close();
  log(
    "info",
    `Load weight end. type=${checkpoint.config.architecture}, dtype=${
      FLOAT_NAMES.has(checkpoint.dtype) ? dtype : checkpoint.dtype
    }, ` +
      `avail mem=${availableMemory(context)}, mem usage=${gigabytes(weights.packedBytes)}.`,
  );
  const { numLayers, numKvHeads, headDim } = checkpoint.config;
  const kv = context.createKv(
    { layers: numLayers, pages: numPages, pageSize, kvHeads: numKvHeads, headDim },
    config.kvDtype,
  );
  const halfBytes = numPages * pageSize * kvBytes(checkpoint.config, config.kvDtype) / 2;
  log("info", kvLine(checkpoint.config, config.kvDtype, numPages * pageSize));
  const featureBytes = FEATURE_BYTES * numPages * pageSize * config.featureLayers.length *
    checkpoint.config.hiddenSize;
  if (features) {
    log(
      "info",
      `Hidden states for the draft head are allocated. layers: ${features.layers.join(", ")}, ` +
        `#tokens: ${numPages * pageSize}, size: ${gigabytes(featureBytes)}`,
    );
  }
  const backend = context.describe();
  const note = backend.startsWith("cpu ") ? "; the pools are reserved, and take memory as they are used" : "";
  log("info", `Memory pool end. avail mem=${availableMemory(context)}${note}`);
  const info = {
    numPages,
    kBytes: halfBytes,
    vBytes: halfBytes,
    weightBytes: weights.packedBytes,
    featureBytes,
    backend,
    handles: {
      context: context.id,
      embedding: model.embedding,
      lmHead: model.lmHeadWeight,
      features: features?.tensor ?? 0,
    },
  };
  return {
    context,
    model,
    batch,
    kv,
    ...(features && { features: features.tensor }),
    limits,
    info,
  };
}

/** Room for the hidden states of every KV slot, if any are wanted; untouched slots take no memory. */
function createFeaturePool(
  context: Context,
  { checkpoint, featureLayers: layers }: LoadConfig,
  numSlots: number,
): FeaturePool | undefined {
  const { numLayers, hiddenSize } = checkpoint.config;
  const unknown = layers.find((layer) => !(layer >= 0 && layer <= numLayers));
  if (unknown !== undefined) {
    throw new LoadError(
      `Cannot keep hidden states of layer ${unknown}: the model has ${numLayers}, expected 0..${numLayers}`,
    );
  }
  if (layers.length === 0) return undefined;
  return { layers, tensor: context.createTensor(numSlots, layers.length * hiddenSize, FEATURE_DTYPE) };
}

/** Logs a line whenever another shard is read through. */
function shardProgress(
  tensors: Iterable<{ file: string; bytes: number }>,
  files: readonly string[],
  log: (level: LogLevel, text: string) => void,
): (doneBytes: number) => void {
  let totalBytes = 0, numLogged = 0;
  for (const { bytes } of tensors) totalBytes += bytes;
  return (doneBytes) => {
    const numDone = Math.floor(doneBytes / totalBytes * files.length);
    if (numDone <= numLogged) return;
    numLogged = numDone;
    const percent = Math.floor(100 * numDone / files.length);
    log("info", `Loading checkpoint shards: ${percent}% Completed | ${numDone}/${files.length}`);
  };
}
