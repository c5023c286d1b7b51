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

/** A clock that moves only by `advance`. */
export class SimulatedClock implements Clock {
  #now = 0;

  now(): number {
    return this.#now;
  }

  /** Moves time forward by `ms` milliseconds. */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`Cannot advance clock: ${ms} ms`);
    this.#now += ms;
  }
}
