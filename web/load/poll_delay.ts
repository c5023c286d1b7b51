/**
 * How long to wait before the load is asked for again.
 *
 * @module
 */

const EVERY_MS = 2000, SELDOM_MS = 30_000;

/** Milliseconds until the next question, after so many failures in a row. */
export function delayAfter(numFailures: number): number {
  return Math.min(EVERY_MS * 2 ** numFailures, SELDOM_MS);
}
