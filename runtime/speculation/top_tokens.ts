/**
 * The most probable tokens of each output row, by way of the native sampler.
 *
 * @module
 */
import type { Context } from "../../ffi/context.ts";
import type { SamplerId, TensorId } from "../../ffi/handles.ts";
import {
  createSampler,
  readSampler,
  sample,
  type SamplerResults,
  samplerResults,
  type SamplerRows,
  samplerRows,
  writeSampler,
} from "../../ffi/sampler.ts";

/** Reports up to `maxTop` tokens of up to `maxOutputs` rows with their log-probabilities. */
export class TopTokens {
  readonly #context: Context;
  readonly #id: SamplerId;
  readonly #maxTop: number;
  readonly #rows: SamplerRows;
  readonly #results: SamplerResults;

  constructor(context: Context, maxOutputs: number, vocabSize: number, maxTop: number) {
    this.#context = context;
    this.#maxTop = maxTop;
    this.#id = createSampler(context, maxOutputs, vocabSize, maxTop);
    this.#rows = samplerRows(maxOutputs);
    this.#rows.topP.fill(1);
    this.#rows.target.fill(-1);
    this.#rows.numTop.fill(maxTop);
    this.#results = samplerResults(maxOutputs, maxTop);
  }

  /** Runs (or records) the choice from logits [outputs, vocabSize]. */
  forward(logits: TensorId): void {
    sample(this.#context, this.#id, logits);
  }

  /** Says how many rows the next forward has. */
  prepare(numRows: number): void {
    writeSampler(this.#context, this.#id, this.#rows, numRows);
  }

  /** Copies the results of the last forward out of native memory. */
  read(numRows: number): void {
    readSampler(this.#context, this.#results, this.#id, numRows);
  }

  /** Token number `rank` of a row, most probable first. */
  tokenAt(row: number, rank: number): number {
    return this.#results.topTokens[row * this.#maxTop + rank]!;
  }

  /** Its log-probability among all tokens. */
  logprobAt(row: number, rank: number): number {
    return this.#results.topLogprobs[row * this.#maxTop + rank]!;
  }
}
