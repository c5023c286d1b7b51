/**
 * Draws the output rows of a forward: collects their parameters, runs the native sampler, reads tokens and logprobs.
 *
 * @module
 */
import type { TokenLogprob } from "../contracts/outputs.ts";
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
import { maxTopLogprobs, type SamplingParams } from "../contracts/sampling_params.ts";
import type { Adjustment, SequenceSampling } from "./sequence_sampling.ts";

/** Smallest positive number of 32 bits that native code does not take for 0, which two parameters must not be. */
const smallest = 2 ** -126;

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

/** What to report of a row. */
export interface LogprobReport {
  /** Most probable tokens; no more than the row asked for. */
  readonly numTop: number;
  /** Others, by id. */
  readonly tokens?: readonly number[];
  /** The rank of the token. */
  readonly rank?: boolean;
}

/** What a request wants to know of its prompt's positions. */
export function promptReport(
  { numLogprobs, numPromptLogprobs, promptRanks, logprobTokens }: SamplingParams,
): LogprobReport {
  const numTop = Math.max(0, numPromptLogprobs < 0 ? numLogprobs : numPromptLogprobs);
  return { numTop, tokens: logprobTokens, rank: promptRanks };
}

/** A native sampler with its arrays, one entry per output row. */
export class Sampler {
  readonly #context: Context;
  readonly #id: SamplerId;
  readonly #rows: SamplerRows;
  readonly #results: SamplerResults;
  /** The logits of one row. */
  readonly #row: Float32Array<ArrayBuffer>;
  /** Of the last forward, [outputs, vocabSize]. */
  #logits: TensorId | undefined;

  constructor(context: Context, maxOutputs: number, vocabSize: number) {
    this.#context = context;
    this.#id = createSampler(context, maxOutputs, vocabSize, maxTopLogprobs);
    this.#rows = samplerRows(maxOutputs);
    this.#results = samplerResults(maxOutputs, maxTopLogprobs);
    this.#row = new Float32Array(vocabSize);
  }

  /** Runs (or records) the draw from logits [outputs, vocabSize]. */
  forward(logits: TensorId): void {
    this.#logits = logits;
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
      rows.topP[i] = Math.max(params.topP, smallest);
      rows.minP[i] = params.minP;
      rows.seed[i] = sampling.seed.low;
      rows.seedHigh[i] = sampling.seed.high;
      rows.position[i] = position;
      rows.target[i] = target;
      rows.numTop[i] = target < 0 ? Math.max(params.numLogprobs, numTop) : promptReport(params).numTop;
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
  logprobAt(
    i: number,
    { numTop, tokens: ids = [], rank = false }: LogprobReport,
    token: number = this.tokenAt(i),
  ): TokenLogprob {
    const { tokens, logprobs, topTokens, topLogprobs } = this.#results;
    const first = i * maxTopLogprobs;
    const top = Array.from(
      { length: numTop },
      (_, n) => [topTokens[first + n]!, topLogprobs[first + n]!] as const,
    );
    const isDrawn = token === tokens[i];
    const logprob = isDrawn ? logprobs[i]! : topLogprobs[topTokens.indexOf(token, first)]!;
    return {
      token,
      logprob,
      top,
      ...(ids.length > 0 && { chosen: this.#logprobsOf(i, ids) }),
      ...(rank && { rank: this.#rankOf(i, token, logprob, top) }),
    };
  }

  /** Other tokens differ from the row's own by what their logits do, divided by the temperature. */
  #logprobsOf(i: number, ids: readonly number[]): number[] {
    const logits = this.#logitsOf(i), own = logits[this.tokenAt(i)]!;
    const logprob = this.#results.logprobs[i]!, temperature = this.#rows.temperature[i]!;
    return ids.map((id) => Math.fround(logprob + (logits[id]! - own) / (temperature > 0 ? temperature : 1)));
  }

  /** Most tokens are among the most probable, and the others need not be looked at. */
  #rankOf(i: number, token: number, logprob: number, top: TokenLogprob["top"]): number {
    if (top.some(([id]) => id === token)) return 1 + top.filter(([, other]) => other > logprob).length;
    const logits = this.#logitsOf(i), own = logits[token]!;
    let rank = 1;
    for (let id = 0; id < logits.length; id++) if (logits[id]! > own) rank++;
    return rank;
  }

  #logitsOf(i: number): Float32Array {
    this.#context.readTensor(this.#logits!, this.#row, i, 1);
    return this.#row;
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
      repetition: Float32Array.from(params, (p) => Math.max(p.repetitionPenalty, smallest)),
      frequency: Float32Array.from(params, (p) => p.frequencyPenalty),
      presence: Float32Array.from(params, (p) => p.presencePenalty),
    }, outputs.length);
  }
}
