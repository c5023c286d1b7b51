/**
 * Checks the numbers of a model's configuration, whatever file they came from.
 *
 * @module
 */
import type { ExpertConfig, ModelConfig } from "../contracts/checkpoint.ts";
import type { RopeConfig } from "../contracts/rope_config.ts";

/** Sizes cross the native border in 32 bits, and token positions are signed there. */
const MAX_SIZE = 2 ** 31 - 1;

const SIZES = [
  ["hiddenSize", "the width"],
  ["intermediateSize", "the width of the MLP"],
  ["numLayers", "the number of layers"],
  ["numHeads", "the number of query heads"],
  ["numKvHeads", "the number of key-value heads"],
  ["vocabSize", "the vocabulary"],
  ["maxPositionEmbeddings", "the context length"],
] as const;

const FACTORS = [
  ["embeddingScale", "the multiplier of embeddings"],
  ["attentionScale", "the scale of attention"],
  ["residualScale", "the multiplier of residual branches"],
  ["logitScale", "the multiplier of logits"],
  ["attentionSoftCap", "the cap of attention's scores"],
  ["logitSoftCap", "the cap of logits"],
] as const;

/** The first impossible number of a configuration and what was expected, in words; undefined if there is none. */
export function impossibleNumber(config: ModelConfig): string | undefined {
  for (const [name, what] of SIZES) {
    const size = config[name];
    if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) {
      return `${what} is ${size}, expected 1..${MAX_SIZE}`;
    }
  }
  const expertNumber = config.experts && impossibleExperts(config.experts);
  if (expertNumber !== undefined) return expertNumber;
  const { headDim, numHeads, numKvHeads, rope } = config;
  if (!Number.isInteger(headDim) || headDim <= 0 || headDim % 2 !== 0) {
    return `the head width is ${headDim}, expected an even number`;
  }
  if (!Number.isInteger(numHeads / numKvHeads)) {
    return `${numHeads} query heads do not divide among ${numKvHeads} key-value heads`;
  }
  if ((numHeads + 2 * numKvHeads) * headDim > MAX_SIZE) {
    return `${numHeads} heads of ${headDim} are too wide, expected at most ${MAX_SIZE} values`;
  }
  if (!isPositiveFloat(config.rmsNormEps)) {
    return `the epsilon of RMS norms is ${config.rmsNormEps}, expected a positive number`;
  }
  for (const [name, what] of FACTORS) {
    const factor = config[name];
    if (factor === undefined || isPositiveFloat(factor)) continue;
    return `${what} is ${factor}, expected a positive number`;
  }
  const windows = config.layers?.map(({ window }) => window).filter((window) => window !== undefined) ?? [];
  const window = windows.find((window) => !Number.isInteger(window) || window < 1 || window > MAX_SIZE);
  if (window !== undefined) return `the window is ${window}, expected 1..${MAX_SIZE}`;
  return impossibleRope(rope, headDim) ?? (config.localRope && impossibleRope(config.localRope, headDim));
}

/** What kernels choose from, and how many at a time. */
const MAX_EXPERTS = 1024, MAX_EXPERTS_PER_ROW = 64;

function impossibleExperts({ count, perRow, intermediateSize }: ExpertConfig): string | undefined {
  const limits = [
    ["the number of experts", count, MAX_EXPERTS],
    ["the number of experts per token", perRow, Math.min(count, MAX_EXPERTS_PER_ROW)],
    ["the width of an expert", intermediateSize, MAX_SIZE],
  ] as const;
  for (const [what, size, most] of limits) {
    if (!Number.isInteger(size) || size < 1 || size > most) return `${what} is ${size}, expected 1..${most}`;
  }
  return undefined;
}

/** Kernels turn so many numbers of a head at a time. */
const ROPE_STEP = 16;

function impossibleRope({ theta, rotaryDim, scaling }: RopeConfig, headDim: number): string | undefined {
  if (!(rotaryDim >= ROPE_STEP && rotaryDim <= headDim && rotaryDim % ROPE_STEP === 0)) {
    return `the rotary width is ${rotaryDim}, expected a multiple of ${ROPE_STEP} up to the head width ${headDim}`;
  }
  const settings = Object.entries({ "the rotary base": theta, ...scaling });
  for (const [what, value] of settings) {
    for (const number of [value].flat()) {
      if (typeof number !== "number" || isPositiveFloat(number)) continue;
      return `${what} is ${number}, expected a positive number`;
    }
  }
  return undefined;
}

/** Positive and finite in 32 bits too. */
function isPositiveFloat(value: number): boolean {
  return Math.fround(value) > 0 && Number.isFinite(Math.fround(value));
}
