/**
 * Rotary positions of a model as plain data, whatever file they were read from.
 *
 * @module
 */

/** How the frequencies differ from powers of `theta`; numbers that a checkpoint leaves open are filled in. */
export type RopeScaling =
  | {
    /** All frequencies divided by `factor`. */
    readonly type: "linear";
    readonly factor: number;
    /** What cos and sin are multiplied by; absent: 1. */
    readonly attentionFactor?: number;
  }
  | {
    /** A larger base for texts longer than the model was trained for ("NTK-aware"). */
    readonly type: "dynamic";
    readonly factor: number;
    /** Longest text that is not scaled, tokens. */
    readonly originalMaxPositionEmbeddings: number;
  }
  | {
    /** Llama 3.1: long waves slowed by `factor`, short ones kept, those between blended. */
    readonly type: "llama3";
    readonly factor: number;
    readonly lowFreqFactor: number;
    readonly highFreqFactor: number;
    readonly originalMaxPositionEmbeddings: number;
  }
  | {
    /** YaRN (Peng et al. 2023): as Llama 3.1 with another blend, and cos and sin times `attentionFactor`. */
    readonly type: "yarn";
    readonly factor: number;
    readonly originalMaxPositionEmbeddings: number;
    /** Turns within the original length from which on a wave is kept. */
    readonly betaFast: number;
    /** Turns within the original length up to which a wave is slowed by the whole factor. */
    readonly betaSlow: number;
    readonly attentionFactor: number;
    /** The blend begins and ends at whole dimensions. */
    readonly truncate: boolean;
  }
  | {
    /** LongRoPE (Ding et al. 2024): a divisor per frequency, of two sets, and cos and sin times `attentionFactor`. */
    readonly type: "longrope";
    /** Divisors [rotaryDim / 2] for contexts up to the original length. */
    readonly shortFactors: readonly number[];
    /** Divisors [rotaryDim / 2] for longer contexts. */
    readonly longFactors: readonly number[];
    readonly originalMaxPositionEmbeddings: number;
    readonly attentionFactor: number;
  }
  | {
    /** A divisor per frequency [rotaryDim / 2], as GGUF files write Llama 3's scaling out. */
    readonly type: "divisors";
    readonly divisors: readonly number[];
    /** What cos and sin are multiplied by; absent: 1. */
    readonly attentionFactor?: number;
  };

/** Rotary positions of a model, or of those of its layers that share them. */
export interface RopeConfig {
  /** Base of the frequencies. */
  readonly theta: number;
  /** How many numbers of each head turn, from its first on: even, at most the head's width. */
  readonly rotaryDim: number;
  /** Absent: frequencies are powers of `theta`. */
  readonly scaling?: RopeScaling;
}
