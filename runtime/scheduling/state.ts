/**
 * Everything the scheduler knows. The functions of this folder read and change it; nothing here knows time, ports or
 * tensors.
 *
 * @module
 */
import { PageAllocator } from "../cache/page_allocator.ts";
import { ownTokensKey, RadixCache } from "../cache/radix_cache.ts";
import type { SchedulerConfig } from "../config.ts";
import type { EngineMessage, Forward } from "../messages.ts";
import type { Sequence } from "./sequence.ts";

/** A forward that was handed out, with the sequences behind its segments. */
export interface Step {
  readonly forward: Forward;
  readonly sequences: readonly Sequence[];
  /** Counts for the prefill log line; sequences admitted, prompt rows, prompt tokens found in the cache. */
  readonly numNew: number;
  readonly numPrefillRows: number;
  readonly numCached: number;
}

/** What a transition tells the world. */
export interface Outcome {
  /** For the engine. */
  readonly messages: EngineMessage[];
  /** Requests whose state verifier and drafter may forget. */
  readonly released: string[];
}

/** The scheduler's whole state. */
export interface State {
  readonly config: SchedulerConfig;
  readonly allocator: PageAllocator;
  readonly cache: RadixCache;
  /** First come, first served; preempted sequences return to the front. */
  readonly waiting: Sequence[];
  /** In the order of admission. */
  readonly running: Sequence[];
  /** The forward being computed; one at a time. */
  inFlight: Step | undefined;
  numSteps: number;
  numPreemptions: number;
  numGenerated: number;
}

/** A state without requests. */
export function newState(config: SchedulerConfig): State {
  return {
    config,
    allocator: new PageAllocator(config.numPages),
    cache: new RadixCache(ownTokensKey(config.pageSize)),
    waiting: [],
    running: [],
    inFlight: undefined,
    numSteps: 0,
    numPreemptions: 0,
    numGenerated: 0,
  };
}

/** Nothing said yet. */
export function newOutcome(): Outcome {
  return { messages: [], released: [] };
}
