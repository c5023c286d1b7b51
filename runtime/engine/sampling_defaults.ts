/**
 * Checks the sampling parameters that a model's files recommend: they become those of requests.
 *
 * @module
 */
import type { Checkpoint } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import { type SamplingDefaults, samplingRanges } from "../contracts/sampling_params.ts";

/** The ranges of requests, by their own words for `all tokens` and for the most probable one. */
const RANGES = { ...samplingRanges, topK: [-1, Infinity, "whole"], topP: [0, 1] } as const;

/**
 * The parameters that a model recommends.
 *
 * @throws {LoadError} naming the file and the field, if a value is out of range
 */
export function samplingDefaults(
  { recommendedSampling }: Pick<Checkpoint, "recommendedSampling">,
): SamplingDefaults {
  if (recommendedSampling === undefined) return {};
  const { path, values } = recommendedSampling;
  return Object.fromEntries(values.map(({ name, parameter, value }) => {
    const number = typeof value === "bigint" ? Number(value) : value;
    const [least, greatest, whole] = RANGES[parameter] as readonly [number, number, "whole"?];
    const isValid = typeof number === "number" && number >= least && number <= greatest &&
      (whole === undefined || Number.isSafeInteger(number));
    if (!isValid) {
      throw new LoadError(
        `Cannot use ${path}: ${name} is ${
          JSON.stringify(number) ?? value
        }, expected a number that requests may have; --sampling-defaults openai leaves it out`,
      );
    }
    return [parameter, number];
  }));
}
