/**
 * Upper bounds of the histograms. They are SGLang's, so that its dashboards fit, with finer ones below where a small
 * model on a CPU is faster than SGLang's first.
 *
 * @module
 */

/** Seconds until the first token. */
export const FIRST_TOKEN_SECONDS: readonly number[] = [
  ...[0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400],
];

/** Seconds from one token to the next. */
export const TOKEN_SECONDS: readonly number[] = [
  ...[0.001, 0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.06, 0.08],
  ...[0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8],
];

/** Seconds of a whole request. */
export const REQUEST_SECONDS: readonly number[] = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400, 600],
  ...[1200, 1800, 2400],
];

/** Seconds in the queue. */
export const QUEUE_SECONDS: readonly number[] = [
  ...[0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90],
  ...[100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1200, 1400, 1600, 1800, 2000, 2500, 3000],
];

/** Seconds from a text to its tokens. */
export const TOKENIZER_SECONDS: readonly number[] = [
  ...[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
];

const PROMPT_TOKENS: readonly number[] = [
  ...[10, 30, 100, 300, 500, 700, 1000, 1500, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 12500],
  ...[15000, 17500, 20000, 22500, 25000, 27500, 30000, 35000, 40000, 60000, 80000, 100000, 200000, 300000],
  ...[400000, 600000, 800000, 1000000, 1100000],
];

/** Tokens of a prompt or an answer, up to the longest sequence. */
export function tokenCountBuckets(contextLength: number): readonly number[] {
  return [...PROMPT_TOKENS.filter((count) => count < contextLength), contextLength];
}
