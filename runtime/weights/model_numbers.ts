/**
 * Checks the numbers of a model's configuration, whatever file they came from.
 *
 * @module
 */
import type { ModelConfig } from "../contracts/checkpoint.ts";

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

/** The first impossible number of a configuration and what was expected, in words; undefined if there is none. */
export function impossibleNumber(config: ModelConfig): string | undefined {
  for (const [name, what] of SIZES) {
    const size = config[name];
    if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) {
      return `${what} is ${size}, expected 1..${MAX_SIZE}`;
    }
  }
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
  const factors = { "the epsilon of RMS norms": config.rmsNormEps, "the rotary base": rope.theta };
  const scales = Object.entries(rope.scaling ?? {}).filter(([name]) => name !== "type");
  for (const [what, value] of [...Object.entries(factors), ...scales]) {
    if (!isPositiveFloat(value)) return `${what} is ${value}, expected a positive number`;
  }
  return undefined;
}

/** Positive and finite in 32 bits too. */
function isPositiveFloat(value: unknown): boolean {
  return typeof value === "number" && Math.fround(value) > 0 && Number.isFinite(Math.fround(value));
}
