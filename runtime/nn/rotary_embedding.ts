/**
 * Rotary position embedding (Su et al. 2021): frequencies with their scaling, and the angles of a batch.
 *
 * @module
 */
import type { ModelConfig, RopeConfig } from "../contracts/checkpoint.ts";
import { temporaryTensor } from "../../ffi/batch.ts";
import type { Context } from "../../ffi/context.ts";
import type { BatchId, TensorId } from "../../ffi/handles.ts";
import { rope, ropeAngles } from "../../ffi/ops.ts";

/**
 * Inverse frequencies [rotaryDim / 2]. Llama 3's scaling slows the long wavelengths by `factor`, keeps the short ones and
 * blends between (Llama 3.1 reference implementation); `divisors`, GGUF's `rope_freqs`, state the same as numbers.
 */
export function inverseFrequencies(
  { theta, rotaryDim, scaling }: RopeConfig,
  divisors?: Float32Array,
): Float32Array<ArrayBuffer> {
  const half = rotaryDim / 2;
  return Float32Array.from({ length: half }, (_, i) => {
    const frequency = theta ** (-i / half);
    if (divisors) return frequency / divisors[i]!;
    if (!scaling) return frequency;
    if (scaling.type === "linear") return frequency / scaling.factor;
    const turns = scaling.originalMaxPositionEmbeddings * frequency / (2 * Math.PI);
    const { lowFreqFactor, highFreqFactor, factor } = scaling;
    const blend = Math.min(1, Math.max(0, (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor)));
    return frequency * (blend + (1 - blend) / factor);
  });
}

/** What rotary positions need to know of a model. */
export interface RotaryParts {
  readonly context: Context;
  readonly batch: BatchId;
  readonly config: Pick<ModelConfig, "headDim" | "rope">;
}

/** Computes the angles of a batch once and applies them in every layer. */
export class RotaryEmbedding {
  readonly #context: Context;
  readonly #batch: BatchId;
  readonly #headDim: number;
  readonly #invFreq: TensorId;
  readonly #angles: TensorId;

  /** `divisors` [rotaryDim / 2] of the frequencies, if the checkpoint states its scaling so. */
  constructor(
    { context, batch, config }: RotaryParts,
    rope: RopeConfig = config.rope,
    divisors?: Float32Array,
  ) {
    const frequencies = inverseFrequencies(rope, divisors);
    this.#context = context;
    this.#batch = batch;
    this.#headDim = config.headDim;
    this.#invFreq = context.createTensor(1, frequencies.length);
    context.writeTensor(this.#invFreq, frequencies, 0, 1);
    this.#angles = temporaryTensor(context, batch, "rows", rope.rotaryDim);
  }

  /** Computes cos and sin of every row's position; once per forward. */
  prepare(): void {
    ropeAngles(this.#context, this.#angles, this.#batch, this.#invFreq, 1);
  }

  /** Rotates the first `numHeads` heads of x [rows, heads * headDim] in place. */
  forward(x: TensorId, numHeads: number): void {
    rope(this.#context, x, this.#angles, numHeads, this.#headDim);
  }
}
