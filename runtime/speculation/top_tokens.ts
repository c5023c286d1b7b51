/**
 * The most probable tokens of each output row, by way of the native sampler.
 *
 * @module
 */
import type { Context } from "../../ffi/context.ts";
import type { TensorId } from "../../ffi/handles.ts";
import { GREEDY_ROW, SamplerArrays } from "../../ffi/sampler.ts";

/** Reports up to `maxTop` tokens of up to `maxOutputs` rows with their log-probabilities. */
export class TopTokens {
  readonly #arrays: SamplerArrays;

  constructor(context: Context, maxOutputs: number, vocabSize: number, maxTop: number) {
    this.#arrays = new SamplerArrays(context, maxOutputs, vocabSize, maxTop);
    for (let row = 0; row < maxOutputs; row++) this.#arrays.add({ ...GREEDY_ROW, numTop: maxTop });
  }

  /** Runs (or records) the choice from logits [outputs, vocabSize]. */
  forward(logits: TensorId): void {
    this.#arrays.forward(logits);
  }

  /** Sets the number of rows of the next forward. */
  prepare(numRows: number): void {
    this.#arrays.write(numRows);
  }

  /** Copies the results of the last forward out of native memory. */
  read(numRows: number): void {
    this.#arrays.read(numRows);
  }

  /** Token number `rank` of a row, most probable first. */
  tokenAt(row: number, rank: number): number {
    return this.#arrays.topTokens[row * this.#arrays.maxTop + rank]!;
  }

  /** Log-probability of that token among all. */
  logprobAt(row: number, rank: number): number {
    return this.#arrays.topLogprobs[row * this.#arrays.maxTop + rank]!;
  }
}
