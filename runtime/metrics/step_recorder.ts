/**
 * Profile of steps: their records, gathered until there are enough to send.
 *
 * @module
 */
import type { Profiled, StartProfile, StepRecord } from "../messages/control.ts";

/** Steps in one message: few enough that the receiver is not blocked. */
const BATCH_STEPS = 256;

/** Records some steps, then no more. */
export class StepRecorder {
  #steps: StepRecord[] = [];
  #numSkipped: number;
  #numLeft: number;

  constructor({ numSkipped, numSteps }: Pick<StartProfile, "numSkipped" | "numSteps">) {
    this.#numSkipped = numSkipped;
    this.#numLeft = numSteps;
  }

  /** Takes a step; returns what is to be sent now, if anything is. */
  add(step: StepRecord): Profiled | undefined {
    if (this.#numSkipped > 0) {
      this.#numSkipped--;
      return undefined;
    }
    this.#steps.push(step);
    if (--this.#numLeft === 0) return this.end();
    return this.#steps.length === BATCH_STEPS ? this.#take(false) : undefined;
  }

  /** What is left to send. */
  end(): Profiled {
    return this.#take(true);
  }

  #take(isLast: boolean): Profiled {
    const steps = this.#steps;
    this.#steps = [];
    return { type: "profiled", steps, isLast };
  }
}
