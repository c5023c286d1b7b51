/**
 * Rotary position embedding (Su et al. 2021) of a batch: its angles, and the heads they turn.
 *
 * @module
 */
import type { ModelConfig } from "../contracts/checkpoint.ts";
import type { RopeConfig } from "../contracts/rope_config.ts";
import { temporaryTensor } from "../../ffi/batch.ts";
import type { Context } from "../../ffi/context.ts";
import type { BatchId, TensorId } from "../../ffi/handles.ts";
import { rope, ropeAngles } from "../../ffi/ops.ts";
import { ropeFrequencies } from "./rope_frequencies.ts";

/** What rotary positions need to know of a model. */
export interface RotaryParts {
  readonly context: Context;
  readonly batch: BatchId;
  readonly config: Pick<ModelConfig, "headDim" | "rope">;
  /** Longest sequence that is served, tokens. */
  readonly contextLength: number;
}

/** Computes the angles of a batch once and applies them in every layer. */
export class RotaryEmbedding {
  readonly #context: Context;
  readonly #batch: BatchId;
  readonly #headDim: number;
  readonly #invFreq: TensorId;
  readonly #scale: number;
  readonly #angles: TensorId;

  constructor({ context, batch, config, contextLength }: RotaryParts, rope: RopeConfig = config.rope) {
    const { inverse, scale } = ropeFrequencies(rope, contextLength);
    this.#context = context;
    this.#batch = batch;
    this.#headDim = config.headDim;
    this.#invFreq = context.createTensor(1, inverse.length);
    context.writeTensor(this.#invFreq, inverse, 0, 1);
    this.#scale = scale;
    this.#angles = temporaryTensor(context, batch, "rows", rope.rotaryDim);
  }

  /** Computes cos and sin of every row's position; once per forward. */
  prepare(): void {
    ropeAngles(this.#context, this.#angles, this.#batch, this.#invFreq, this.#scale);
  }

  /** Rotates the first `numHeads` heads of x [rows, heads * headDim] in place. */
  forward(x: TensorId, numHeads: number): void {
    rope(this.#context, x, this.#angles, numHeads, this.#headDim);
  }
}
