/**
 * Draws of the native sampler for tests, with named parameters, and the distributions they should follow.
 *
 * @module
 */
import type { Context } from "../../ffi/context.ts";
import { GREEDY_ROW, type LogitChange, REPORT_RANK, SamplerArrays } from "../../ffi/sampler.ts";
import { tensorOf } from "./native.ts";
import { softmax } from "./reference.ts";

/** Parameters of one row; greedy where nothing is said. */
export interface Draw {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly seed?: number;
  /** Upper half of a 64-bit seed. */
  readonly seedHigh?: number;
  readonly position?: number;
  readonly target?: number;
  /** Alternatives to report; -1, the default, turns logprobs off. */
  readonly numTop?: number;
  readonly repetition?: number;
  readonly frequency?: number;
  readonly presence?: number;
  readonly changes?: readonly (Partial<LogitChange> & Pick<LogitChange, "token">)[];
  /** Tokens whose logprobs are reported. */
  readonly queries?: readonly number[];
  readonly reportsRank?: boolean;
  /** Index of its mask. */
  readonly mask?: number;
}

/** Results, row by row. */
export interface Drawn {
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
  readonly top: readonly (readonly (readonly [token: number, logprob: number])[])[];
  readonly ranks: Int32Array;
  /** By row, in the order of its queries. */
  readonly queryLogprobs: readonly (readonly number[])[];
}

const MAX_TOP = 8;

/** Adds a row to what is written next. */
export function addDraw(arrays: SamplerArrays, draw: Draw): void {
  const { seed = 0, changes = [], queries = [], reportsRank = false, ...row } = draw;
  const whole = changes.map((change) => ({ count: 0, seen: false, bias: 0, ...change }));
  const flags = reportsRank ? REPORT_RANK : 0;
  arrays.add({ ...GREEDY_ROW, ...row, seedLow: seed, flags }, whole, queries);
}

/** Masks of the tokens that each of `allowed` is true of. */
export function maskWords(
  vocabSize: number,
  allowed: readonly ((token: number) => boolean)[],
): Uint32Array<ArrayBuffer> {
  const numWords = Math.ceil(vocabSize / 32), words = new Uint32Array(allowed.length * numWords);
  allowed.forEach((mayCome, mask) => {
    for (let token = 0; token < vocabSize; token++) {
      if (mayCome(token)) words[mask * numWords + (token >>> 5)]! |= 1 << (token & 31);
    }
  });
  return words;
}

/** Draws once per row, under masks if there are any; `logits` has a row for each, or one for all. */
export function drawRows(
  context: Context,
  logits: readonly Float32Array[],
  rows: readonly Draw[],
  masks?: Uint32Array<ArrayBuffer>,
): Drawn & { readonly logits: Float32Array } {
  const vocabSize = logits[0]!.length, count = rows.length;
  const all = new Float32Array(count * vocabSize);
  rows.forEach((_, r) => all.set(logits.length === 1 ? logits[0]! : logits[r]!, r * vocabSize));
  const tensor = tensorOf(context, all, vocabSize);
  const arrays = new SamplerArrays(context, count, vocabSize, MAX_TOP);
  for (const row of rows) addDraw(arrays, row);
  if (masks) arrays.mask(masks);
  arrays.write();
  arrays.forward(tensor);
  arrays.read(count);
  context.readTensor(tensor, all, 0, count);
  arrays.release();
  context.releaseTensor(tensor);
  const { tokens, logprobs, topTokens, topLogprobs, ranks } = arrays;
  const top = rows.map(({ numTop = -1 }, r) =>
    Array.from({ length: Math.max(0, numTop) }, (_, n) => {
      const at = r * MAX_TOP + n;
      return [topTokens[at]!, topLogprobs[at]!] as const;
    })
  );
  const queryLogprobs = rows.map(({ queries = [] }, r) => queries.map((_, n) => arrays.queryLogprob(r, n)));
  return { tokens, logprobs, top, ranks, queryLogprobs, logits: all };
}

/**
 * The distribution a row is drawn from: softmax at its temperature, then in descending order the tokens with rank
 * below topK, mass before them at most topP and probability of at least minP times the largest, renormalised.
 */
export function targetDistribution(logits: ArrayLike<number>, row: Draw): Float64Array {
  const { temperature = 0, topK = 0, topP = 1, minP = 0 } = row;
  const p = softmax(Array.from(logits, (logit) => logit / temperature));
  const order = [...p.keys()].sort((a, b) => p[b]! - p[a]! || a - b);
  const kept = new Float64Array(p.length);
  let mass = 0;
  order.forEach((token, rank) => {
    const before = mass;
    mass += p[token]!;
    const keep = (topK === 0 || rank < topK) && before <= topP && p[token]! >= minP * p[order[0]!]!;
    if (keep) kept[token] = p[token]!;
  });
  const total = kept.reduce((sum, value) => sum + value, 0);
  return kept.map((value) => value / total);
}

/**
 * Pearson's chi-square of counted draws against a distribution, as standard deviations above its mean. Tokens that are
 * expected less than five times share a bin. Infinity if a token of probability 0 was drawn.
 */
export function chiSquareExcess(tokens: Int32Array, p: Float64Array): number {
  const counts = new Float64Array(p.length);
  for (const token of tokens) counts[token]!++;
  let statistic = 0, bins = 0, rareCount = 0, rareExpected = 0;
  p.forEach((probability, token) => {
    const expected = probability * tokens.length;
    if (expected === 0 && counts[token]! > 0) statistic = Infinity;
    if (expected < 5) {
      rareCount += counts[token]!;
      rareExpected += expected;
    } else {
      statistic += (counts[token]! - expected) ** 2 / expected;
      bins++;
    }
  });
  if (rareExpected > 1) {
    statistic += (rareCount - rareExpected) ** 2 / rareExpected;
    bins++;
  }
  const degrees = Math.max(1, bins - 1);
  return (statistic - degrees) / Math.sqrt(2 * degrees);
}
