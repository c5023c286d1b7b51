/**
 * Memory needs of a model in native code, derived from its checkpoint before anything is allocated.
 *
 * @module
 */
import { SLICE_OUTPUTS } from "../../ffi/enums.ts";
import type { Checkpoint, ModelConfig } from "../contracts/checkpoint.ts";
import type { StorageFormat } from "../contracts/storage_format.ts";
import type { VerifierConfig } from "../contracts/config.ts";
import type { SpeculationConfig } from "../contracts/speculation_config.ts";
import { batchLimits, kvBytes } from "../models/load.ts";
import { FEATURE_BYTES } from "../models/model.ts";
import { Weights } from "../nn/weights.ts";
import { ownStateWidth } from "../speculation/draft_head.ts";
import { draftLimits } from "../speculation/draft_network.ts";
import { BatchArrays } from "../../ffi/batch.ts";
import type { BatchLimits } from "../../ffi/types.ts";

/** Bytes by what they are for. All but the weights are reserved at start and touched as they are used. */
export interface MemoryNeeds {
  /** The target's weights as packed. */
  readonly weightBytes: number;
  /** Those of the draft head or draft model. */
  readonly draftWeightBytes: number;
  /**
   * Activations of the forwards of target and draft: tensors between ops, logits, batches, the scratch pages of trees.
   */
  readonly activationBytes: number;
  /** Keys and values of the target, per token of the pool. */
  readonly kvTokenBytes: number;
  /** Keys and values of the draft head or draft model, per token. */
  readonly draftKvTokenBytes: number;
  /** Hidden states that the draft head takes, per token: the target's, and its own where further layers take them. */
  readonly hiddenTokenBytes: number;
}

/** The part of a verifier's configuration that {@linkcode memoryNeeds} looks at. */
export type MemoryConfig = Pick<
  VerifierConfig,
  | "checkpoint"
  | "device"
  | "dtype"
  | "kvDtype"
  | "pageSize"
  | "contextLength"
  | "maxRows"
  | "maxOutputs"
  | "maxRunningRequests"
  | "maxNodes"
>;

/** How weights are packed: rows are filled up to a multiple of some, and a value takes so many bytes. */
interface Packing {
  readonly unitRows: number;
  readonly quantized: Partial<Record<StorageFormat, number>>;
  readonly int8: number;
}

/** `kernels/cpu/pack.cpp` lays 4-bit values out with two numbers per 32, and so on. */
const CPU_PACKING: Packing = {
  unitRows: 32,
  quantized: {
    Q4_0: 640 / 1024,
    Q4_1: 640 / 1024,
    Q4_K: 640 / 1024,
    Q5_0: 1152 / 1024,
    Q5_1: 1152 / 1024,
    Q5_K: 1152 / 1024,
    Q8_0: 1088 / 1024,
    Q6_K: 1088 / 1024,
    Q2_K: 1088 / 1024,
    Q3_K: 1088 / 1024,
    IQ4_NL: 1088 / 1024,
    IQ4_XS: 1088 / 1024,
    MXFP4: 1088 / 1024,
  },
  int8: 1088 / 1024,
};
/** `kernels/cuda/packed_layout.h`: units of 16 rows by 32 inputs with their scales. */
const CUDA_PACKING: Packing = {
  unitRows: 16,
  quantized: {
    Q4_0: 288 / 512,
    Q4_1: 320 / 512,
    Q4_K: 320 / 512,
    Q5_0: 352 / 512,
    Q5_1: 384 / 512,
    Q5_K: 384 / 512,
    Q8_0: 544 / 512,
    Q6_K: 448 / 512,
    Q2_K: 544 / 512,
    Q3_K: 544 / 512,
    IQ4_NL: 544 / 512,
    IQ4_XS: 544 / 512,
    MXFP4: 544 / 512,
  },
  int8: 544 / 512,
};
const FLOAT_BYTES = { float32: 4, float16: 2, bfloat16: 2 } as const;
const FLOAT = 4;
/** What CUDA's attention and draws take beside their tensors at most, `kernels/cuda/scratch.h`. */
const CUDA_SCRATCH_BYTES = 64 << 20;
/** Copies of a batch's arrays: one where they are filled, three in the library, which takes the next while one runs. */
const NUM_BATCHES = 4;

/** What a target and its draft take. */
export function memoryNeeds(config: MemoryConfig, speculation: SpeculationConfig | undefined): MemoryNeeds {
  const { draft, head } = speculation ?? {}, { checkpoint, dtype, device } = config;
  const drafter = head ?? draft, target = checkpoint.config;
  const featureWidth = (head?.head.featureLayers.length ?? 0) * target.hiddenSize;
  return {
    weightBytes: packedBytes(checkpoint, dtype, device),
    draftWeightBytes: (head ? packedBytes(head, "int8", device) : 0) +
      (draft ? packedBytes(draft, dtype, device) : 0),
    activationBytes: forwardBytes(target, batchLimits(config)) +
      (device === "cpu" ? 0 : CUDA_SCRATCH_BYTES + maskBytes(config.maxOutputs, target.vocabSize)) +
      (drafter ? draftForwardBytes(config, drafter.config, speculation!.topk, featureWidth) : 0),
    kvTokenBytes: kvBytes(target, config.kvDtype),
    draftKvTokenBytes: drafter ? kvBytes(drafter.config, config.kvDtype) : 0,
    hiddenTokenBytes: FEATURE_BYTES * (featureWidth + (head ? ownStateWidth(head) : 0)),
  };
}

/** Bytes that one more token of the pool takes. */
export function tokenBytesOf({ kvTokenBytes, draftKvTokenBytes, hiddenTokenBytes }: MemoryNeeds): number {
  return kvTokenBytes + draftKvTokenBytes + hiddenTokenBytes;
}

function packedBytes(
  checkpoint: Checkpoint,
  dtype: VerifierConfig["dtype"] | "int8",
  device: VerifierConfig["device"],
): number {
  const { unitRows, quantized, int8 } = device === "cpu" ? CPU_PACKING : CUDA_PACKING;
  const kept = dtype === "auto" ? Weights.autoDtype(checkpoint) : dtype;
  const floatBytes = kept === "int8" ? int8 : FLOAT_BYTES[kept];
  let bytes = 0;
  for (const { shape, format } of checkpoint.tensors.values()) {
    if (shape.length === 1) {
      bytes += shape[0]! * FLOAT;
      continue;
    }
    const cols = shape.at(-1)!, numRows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const rows = Math.ceil(numRows / unitRows) * unitRows;
    bytes += rows * cols * (quantized[format] ?? floatBytes);
  }
  return Math.ceil(bytes);
}

/** Tensors that all layers share, logits, and the batches. */
function forwardBytes(config: ModelConfig, limits: BatchLimits): number {
  const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim, vocabSize, rope, localRope } = config;
  const angles = rope.rotaryDim + (localRope?.rotaryDim ?? 0);
  const perRow = 2 * hiddenSize + 2 * (numHeads + numKvHeads) * headDim + angles + 3 * intermediateSize;
  const logits = Math.min(limits.outputs, SLICE_OUTPUTS) * vocabSize;
  const statesPerOutput = config.logitScale === undefined ? 2 : 3;
  const activations = limits.rows * (perRow + expertsPerRow(config)) +
    limits.outputs * statesPerOutput * hiddenSize + logits;
  return FLOAT * activations + NUM_BATCHES * BatchArrays.bytes(limits);
}

/** Masks of a draw on CUDA, at most one an output, in memory that grows by doubling (`kernels/cuda/sampler.cpp`). */
function maskBytes(maxOutputs: number, vocabSize: number): number {
  return 2 ** Math.ceil(Math.log2(4 * maxOutputs * Math.ceil(vocabSize / 32)));
}

/** Numbers that a mixture of experts has for each row: its activations, and its inputs in the order of the experts. */
function expertsPerRow({ experts, hiddenSize }: ModelConfig): number {
  if (experts === undefined) return 0;
  const { count, perRow, intermediateSize } = experts;
  const activations = count + perRow * (2 + 3 * intermediateSize + hiddenSize);
  return activations + perRow * Math.max(hiddenSize, intermediateSize);
}

/**
 * Bytes of a draft head's or draft model's activations, of the scratch pages of its trees, and of the hidden states it
 * gathers.
 */
function draftForwardBytes(
  { maxRunningRequests, pageSize, contextLength, kvDtype }: MemoryConfig,
  config: ModelConfig,
  topk: number,
  featureWidth: number,
): number {
  const limits = { maxSequences: maxRunningRequests, numPages: 0, pageSize, contextLength };
  const { batch, numPages: numTreePages } = draftLimits(limits, topk);
  const treeBytes = numTreePages * pageSize * kvBytes(config, kvDtype);
  return forwardBytes(config, batch) + treeBytes + FLOAT * batch.rows * featureWidth;
}
