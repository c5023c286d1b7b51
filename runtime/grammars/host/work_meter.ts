/**
 * Meters the processor time that one sequence takes in a grammar host. A grammar that says the same in very many ways,
 * such as `((a{1,1000}){1,1000}){1,1000}`, compiles fast and takes more with each token; steps wait for it, and with them
 * every other sequence.
 *
 * @module
 */
import process from "node:process";

/** Processor time that every sequence has, milliseconds. */
const MS_AT_START = 1000;
/** Processor time that it has besides for each of its tokens, milliseconds; a tenth is usual for the costliest. */
const MS_PER_TOKEN = 10;

/** Processor time of one sequence; other load on the machine does not count. */
export class WorkMeter {
  #spentMs = 0;

  /** Does a piece of the sequence's work, during which the process does nothing else. */
  async measure<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    const before = process.cpuUsage();
    try {
      return await work();
    } finally {
      const { user, system } = process.cpuUsage(before);
      this.#spentMs += (user + system) / 1000;
    }
  }

  /** Whether it took more than a sequence of so many tokens may. */
  exceeds(numTokens: number): boolean {
    return this.#spentMs > MS_AT_START + MS_PER_TOKEN * numTokens;
  }
}
