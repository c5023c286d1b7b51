/**
 * Time as a parameter, so that tests own it.
 *
 * @module
 */

/** A source of time. */
export interface Clock {
  /** Milliseconds since an arbitrary start, never going back. */
  now(): number;
}

/** The machine's monotonic clock. */
export const systemClock: Clock = { now: () => performance.now() };
