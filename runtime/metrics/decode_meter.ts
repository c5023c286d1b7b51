/**
 * Decode throughput and acceptance over log intervals.
 *
 * @module
 */
import type { SpeculationUsage } from "../contracts/usage.ts";
import { usageSince, zeroCounts } from "../contracts/speculation_counts.ts";

/** Counters after a step. */
export interface MeteredStep {
  /** Sequences that decoded in it. */
  readonly numDecoding: number;
  /** What it took from its plan on, milliseconds. */
  readonly busyMs: number;
  /** Since the start. */
  readonly generatedTokens: number;
  /** Since the start; undefined without speculation. */
  readonly usage: SpeculationUsage | undefined;
}

/** Meters decode steps over log intervals. */
export class DecodeMeter {
  #numDecodeSteps = 0;
  #busyMs = 0;
  #generatedBefore = 0;
  #usageBefore: SpeculationUsage = zeroCounts();
  #genThroughput = 0;
  #speculation: SpeculationUsage | undefined;

  /** Tokens per second over the last interval, 0 before its end. */
  get genThroughput(): number {
    return this.#genThroughput;
  }

  /** Draft tokens of the last interval; undefined before its end and without speculation. */
  get speculation(): SpeculationUsage | undefined {
    return this.#speculation;
  }

  /** Counts a step; true if it ends a log interval of `interval` decode steps. */
  add({ numDecoding, busyMs, generatedTokens, usage }: MeteredStep, interval: number): boolean {
    this.#busyMs += busyMs;
    if (numDecoding === 0 || ++this.#numDecodeSteps < interval) return false;
    this.#genThroughput = (generatedTokens - this.#generatedBefore) * 1000 / this.#busyMs;
    this.#speculation = usage && usageSince(usage, this.#usageBefore);
    this.#numDecodeSteps = this.#busyMs = 0;
    this.#generatedBefore = generatedTokens;
    if (usage) this.#usageBefore = { ...usage };
    return true;
  }
}
