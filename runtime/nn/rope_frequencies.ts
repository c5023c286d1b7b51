/**
 * Frequencies of rotary positions (Su et al. 2021) with what stretches them for long contexts. Formulas are those of
 * transformers 5.24, in float64.
 *
 * @module
 */
import type { RopeConfig, RopeScaling } from "../contracts/rope_config.ts";

/** What the angles of a position are made of. */
export interface RopeFrequencies {
  /** Radians per position [rotaryDim / 2]. */
  readonly inverse: Float32Array<ArrayBuffer>;
  /** What cos and sin are multiplied by. */
  readonly scale: number;
}

/**
 * The frequencies by which a model with this context length runs. Kinds that depend on the length of a text, dynamic and
 * LongRoPE, take the context length instead: a row must not depend on what comes after it.
 */
export function ropeFrequencies(rope: RopeConfig, contextLength: number): RopeFrequencies {
  const { theta, rotaryDim, scaling } = rope, half = rotaryDim / 2;
  const base = scaling?.type === "dynamic" ? dynamicBase(rope, scaling, contextLength) : theta;
  const divided = dividing(rope, scaling, contextLength);
  return {
    inverse: Float32Array.from({ length: half }, (_, i) => divided(base ** (-i / half), i)),
    scale: scaling !== undefined && "attentionFactor" in scaling ? scaling.attentionFactor ?? 1 : 1,
  };
}

/** NTK-aware: a base by which the longest wave is as much longer as the context, the shortest as it was. */
function dynamicBase(
  { theta, rotaryDim }: RopeConfig,
  { factor, originalMaxPositionEmbeddings }: Extract<RopeScaling, { type: "dynamic" }>,
  contextLength: number,
): number {
  const ratio = Math.max(1, contextLength / originalMaxPositionEmbeddings);
  return theta * (factor * ratio - (factor - 1)) ** (rotaryDim / (rotaryDim - 2));
}

/** Turns a power of the base into the frequency at this index. */
function dividing(
  rope: RopeConfig,
  scaling: RopeScaling | undefined,
  contextLength: number,
): (frequency: number, index: number) => number {
  switch (scaling?.type) {
    case undefined:
    case "dynamic":
      return (frequency) => frequency;
    case "linear":
      return (frequency) => frequency / scaling.factor;
    case "divisors":
      return (frequency, i) => frequency / scaling.divisors[i]!;
    case "longrope": {
      const isLong = contextLength > scaling.originalMaxPositionEmbeddings;
      const divisors = isLong ? scaling.longFactors : scaling.shortFactors;
      return (frequency, i) => frequency / divisors[i]!;
    }
    case "llama3": {
      const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings } = scaling;
      return (frequency) => {
        const turns = originalMaxPositionEmbeddings * frequency / (2 * Math.PI);
        return blend(frequency, factor, (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor));
      };
    }
    case "yarn": {
      const [first, last] = yarnRange(rope, scaling);
      return (frequency, i) => blend(frequency, scaling.factor, (last - i) / (last - first));
    }
  }
}

/** The frequency as it is where `kept` is 1 or more, divided by `factor` where it is 0 or less. */
function blend(frequency: number, factor: number, kept: number): number {
  const share = Math.min(1, Math.max(0, kept));
  return frequency * (share + (1 - share) / factor);
}

/** Indices of the last frequency that YaRN keeps and of the first that it slows by the whole factor. */
function yarnRange(
  { theta, rotaryDim }: RopeConfig,
  { originalMaxPositionEmbeddings, betaFast, betaSlow, truncate }: Extract<RopeScaling, { type: "yarn" }>,
): readonly [first: number, last: number] {
  const indexOf = (turns: number) =>
    rotaryDim * Math.log(originalMaxPositionEmbeddings / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  const first = Math.max(0, truncate ? Math.floor(indexOf(betaFast)) : indexOf(betaFast));
  const last = Math.min(rotaryDim - 1, truncate ? Math.ceil(indexOf(betaSlow)) : indexOf(betaSlow));
  return [first, first === last ? last + 0.001 : last];
}
