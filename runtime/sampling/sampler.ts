/**
 * Draws the output rows of a forward: collects their parameters, runs the native sampler, reads tokens and logprobs.
 *
 * @module
 */
import type { TokenLogprob } from "../messages.ts";
import type { Context } from "../../ffi/context.ts";
import type { SamplerId, TensorId } from "../../ffi/handles.ts";
import {
  adjustSampler,
  createSampler,
  readSampler,
  sample,
  type SamplerResults,
  samplerResults,
  type SamplerRows,
  samplerRows,
  writeSampler,
} from "../../ffi/sampler.ts";
import { maxTopLogprobs } from "./params.ts";
import type { Adjustment, SequenceSampling } from "./sequence_sampling.ts";

/** One output row. */
export interface OutputRow {
  readonly sampling: SequenceSampling;
  /** Position of the token to draw. */
  readonly position: number;
  /** A known token to report instead of drawing, or -1. */
  readonly target: number;
  /** Draft tokens between what the sequence has said and this row. */
  readonly drafts?: readonly number[];
  /** Alternatives to report even if the request wants fewer. */
  readonly numTop?: number;
}

/** A native sampler with its arrays, one entry per output row. */
export class Sampler {
  readonly #context: Context;
  readonly #id: SamplerId;
  readonly #rows: SamplerRows;
  readonly #results: SamplerResults;

  constructor(context: Context, maxOutputs: number, vocabSize: number) {
    this.#context = context;
    this.#id = createSampler(context, maxOutputs, vocabSize, maxTopLogprobs);
    this.#rows = samplerRows(maxOutputs);
    this.#results = samplerResults(maxOutputs, maxTopLogprobs);
  }

  /** Runs (or records) the draw from logits [outputs, vocabSize]. */
  forward(logits: TensorId): void {
    sample(this.#context, this.#id, logits);
  }

  /** Sets the parameters of the rows to come. */
  write(outputs: readonly OutputRow[]): void {
    const rows = this.#rows;
    const adjustments: Adjustment[][] = [];
    let numAdjustments = 0;
    outputs.forEach(({ sampling, position, target, drafts, numTop = -1 }, i) => {
      const { params } = sampling;
      // Prompt logprobs are the model's own: nothing was drawn there.
      rows.temperature[i] = target < 0 ? params.temperature : 0;
      rows.topK[i] = params.topK;
      rows.topP[i] = params.topP;
      rows.minP[i] = params.minP;
      rows.seed[i] = sampling.seed.low;
      rows.seedHigh[i] = sampling.seed.high;
      rows.position[i] = position;
      rows.target[i] = target;
      rows.numTop[i] = Math.max(params.numLogprobs, numTop);
      const changes = target < 0 ? sampling.adjustments(drafts) : [];
      adjustments.push(changes);
      numAdjustments += changes.length;
    });
    writeSampler(this.#context, this.#id, rows, outputs.length);
    if (numAdjustments > 0) this.#adjust(outputs, adjustments, numAdjustments);
  }

  /** The drawn (or target) token of row `i` after the forward. */
  tokenAt(i: number): number {
    return this.#results.tokens[i]!;
  }

  /** The logprobs of row `i`, which must have asked for them: of its token, or of another among those reported. */
  logprobAt(i: number, numTop: number, token: number = this.tokenAt(i)): TokenLogprob {
    const { tokens, logprobs, topTokens, topLogprobs } = this.#results;
    const first = i * maxTopLogprobs;
    const top = Array.from(
      { length: numTop },
      (_, n) => [topTokens[first + n]!, topLogprobs[first + n]!] as const,
    );
    const isDrawn = token === tokens[i];
    const logprob = isDrawn ? logprobs[i]! : topLogprobs[topTokens.indexOf(token, first)]!;
    return { token, logprob, top };
  }

  /** Copies the results of the draw out of native memory. */
  read(numRows: number): void {
    readSampler(this.#context, this.#results, this.#id, numRows);
  }

  #adjust(outputs: readonly OutputRow[], adjustments: readonly Adjustment[][], count: number): void {
    const changes = adjustments.flat();
    const rowStarts = new Int32Array(outputs.length + 1);
    adjustments.forEach((row, i) => rowStarts[i + 1] = rowStarts[i]! + row.length);
    const params = outputs.map((output) => output.sampling.params);
    adjustSampler(this.#context, this.#id, {
      rowStarts,
      tokens: Int32Array.from({ length: count }, (_, i) => changes[i]!.token),
      seen: Uint8Array.from({ length: count }, (_, i) => Number(changes[i]!.seen)),
      counts: Int32Array.from({ length: count }, (_, i) => changes[i]!.count),
      bias: Float32Array.from({ length: count }, (_, i) => changes[i]!.bias),
      repetition: Float32Array.from(params, (p) => p.repetitionPenalty),
      frequency: Float32Array.from(params, (p) => p.frequencyPenalty),
      presence: Float32Array.from(params, (p) => p.presencePenalty),
    }, outputs.length);
  }
}
