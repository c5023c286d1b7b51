/**
 * The native sampler: parameters in, tokens and logprobs out. Arrays have one entry per output row.
 *
 * @module
 */
import type { Context } from "./context.ts";
import type { SamplerId, TensorId } from "./handles.ts";

/** See `aerie_sampler_write`. */
export interface SamplerRows {
  readonly temperature: Float32Array<ArrayBuffer>;
  readonly topK: Int32Array<ArrayBuffer>;
  readonly topP: Float32Array<ArrayBuffer>;
  readonly minP: Float32Array<ArrayBuffer>;
  /** The lower half of a 64-bit seed. */
  readonly seed: Uint32Array<ArrayBuffer>;
  /** Its upper half. */
  readonly seedHigh: Uint32Array<ArrayBuffer>;
  readonly position: Int32Array<ArrayBuffer>;
  readonly target: Int32Array<ArrayBuffer>;
  readonly numTop: Int32Array<ArrayBuffer>;
}

/** See `aerie_sampler_adjust`; `rowStarts` has one more entry than there are rows. */
export interface SamplerAdjustments {
  readonly rowStarts: Int32Array<ArrayBuffer>;
  readonly tokens: Int32Array<ArrayBuffer>;
  readonly seen: Uint8Array<ArrayBuffer>;
  readonly counts: Int32Array<ArrayBuffer>;
  readonly bias: Float32Array<ArrayBuffer>;
  readonly repetition: Float32Array<ArrayBuffer>;
  readonly frequency: Float32Array<ArrayBuffer>;
  readonly presence: Float32Array<ArrayBuffer>;
}

/** See `aerie_sampler_read`; the top arrays are [rows, maxTop]. */
export interface SamplerResults {
  readonly tokens: Int32Array<ArrayBuffer>;
  readonly logprobs: Float32Array<ArrayBuffer>;
  readonly topTokens: Int32Array<ArrayBuffer>;
  readonly topLogprobs: Float32Array<ArrayBuffer>;
}

/** Zeroed parameters of `maxOutputs` rows. */
export function samplerRows(maxOutputs: number): SamplerRows {
  return {
    temperature: new Float32Array(maxOutputs),
    topK: new Int32Array(maxOutputs),
    topP: new Float32Array(maxOutputs),
    minP: new Float32Array(maxOutputs),
    seed: new Uint32Array(maxOutputs),
    seedHigh: new Uint32Array(maxOutputs),
    position: new Int32Array(maxOutputs),
    target: new Int32Array(maxOutputs),
    numTop: new Int32Array(maxOutputs),
  };
}

/** Room for the results of `maxOutputs` rows with `maxTop` alternatives each. */
export function samplerResults(maxOutputs: number, maxTop: number): SamplerResults {
  return {
    tokens: new Int32Array(maxOutputs),
    logprobs: new Float32Array(maxOutputs),
    topTokens: new Int32Array(maxOutputs * maxTop),
    topLogprobs: new Float32Array(maxOutputs * maxTop),
  };
}

/** A sampler for up to `maxOutputs` rows of `vocabSize` logits that reports `maxTop` alternatives at most. */
export function createSampler(
  context: Context,
  maxOutputs: number,
  vocabSize: number,
  maxTop: number,
): SamplerId {
  return context.create((out) =>
    context.native.aerie_sampler_create(context.id, out, maxOutputs, vocabSize, maxTop)
  );
}

/** Sets the parameters of the next draw. */
export function writeSampler(context: Context, sampler: SamplerId, rows: SamplerRows, numRows: number): void {
  context.check(context.native.aerie_sampler_write(
    context.id,
    sampler,
    rows.temperature,
    rows.topK,
    rows.topP,
    rows.minP,
    rows.seed,
    rows.seedHigh,
    rows.position,
    rows.target,
    rows.numTop,
    numRows,
  ));
}

/** Sets the changes to single logits for the rows written before. */
export function adjustSampler(
  context: Context,
  sampler: SamplerId,
  adjustments: SamplerAdjustments,
  numRows: number,
): void {
  context.check(context.native.aerie_sampler_adjust(
    context.id,
    sampler,
    adjustments.rowStarts,
    adjustments.tokens,
    adjustments.seen,
    adjustments.counts,
    adjustments.bias,
    adjustments.repetition,
    adjustments.frequency,
    adjustments.presence,
    numRows,
  ));
}

/** Draws from logits [outputs, vocabSize]. */
export function sample(context: Context, sampler: SamplerId, logits: TensorId): void {
  context.check(context.native.aerie_sample(context.id, sampler, logits));
}

/** Copies the results of the last draw. */
export function readSampler(
  context: Context,
  results: SamplerResults,
  sampler: SamplerId,
  numRows: number,
): void {
  const { tokens, logprobs, topTokens, topLogprobs } = results;
  context.check(
    context.native.aerie_sampler_read(context.id, tokens, logprobs, topTokens, topLogprobs, sampler, numRows),
  );
}
