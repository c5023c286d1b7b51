/**
 * Time that a test moves.
 *
 * @module
 */
import type { Clock } from "../../runtime/actor/clock.ts";

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
