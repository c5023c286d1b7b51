/**
 * The part of the scheduler's state that admission reads and writes.
 *
 * @module
 */
import { PageAllocator } from "../cache/page_allocator.ts";
import { nextTokenPageKey, RadixCache, tokenPageKey } from "../cache/radix_cache.ts";
import type { SchedulerConfig } from "../contracts/config.ts";
import type { PagePool } from "../sequences/pages.ts";
import type { Copies, Sequence } from "../sequences/sequence.ts";
import { type AdmissionOrder, createAdmissionOrder } from "./admission_order.ts";
import { createDepartures, type Departures } from "./departures.ts";
import { createReserve, type Reserve } from "./reserve.ts";
import { WaitingQueue } from "./waiting_queue.ts";

/** Requests, where they wait and run, and the pages there are for them. */
export interface AdmissionState extends PagePool {
  /** Replaced as a whole when settings change. */
  config: SchedulerConfig;
  /** Every request that has not ended. */
  readonly sequences: Map<string, Sequence>;
  /** Those whose constraint is being compiled: nobody waits for them. */
  readonly compiling: WaitingQueue;
  /** Those to be admitted. */
  readonly waiting: WaitingQueue;
  readonly admissionOrder: AdmissionOrder;
  /** In the order of admission. The verifier knows exactly these. */
  readonly running: Sequence[];
  readonly reserve: Reserve;
  readonly departures: Departures;
  /** The newest batch: what is left of it fares as its first request did. */
  lastBatch: { readonly id: string; readonly isRefused: boolean } | undefined;
  /** The copies of the prompt that was submitted last. */
  newestCopies: Copies | undefined;
  /** Forwards since the start. */
  numSteps: number;
  /** Tokens of all prompts that were admitted since the start. */
  promptTokens: number;
  /** Tokens of these prompts that the radix cache had. */
  cachedTokens: number;
}

/** Initial state: a free pool and no requests. */
export function createAdmission(config: SchedulerConfig): AdmissionState {
  const { numPages, pageSize, disableRadixCache, drafting } = config;
  const pageKey = drafting?.keyIncludesNextToken ? nextTokenPageKey(pageSize) : tokenPageKey(pageSize);
  return {
    config,
    allocator: new PageAllocator(numPages),
    cache: new RadixCache(disableRadixCache ? () => undefined : pageKey),
    sequences: new Map(),
    compiling: new WaitingQueue(),
    waiting: new WaitingQueue(),
    admissionOrder: createAdmissionOrder(),
    running: [],
    reserve: createReserve(config.scheduleConservativeness),
    departures: createDepartures(),
    lastBatch: undefined,
    newestCopies: undefined,
    numSteps: 0,
    promptTokens: 0,
    cachedTokens: 0,
  };
}
