/**
 * The scheduler's counters, and what follows from them.
 *
 * @module
 */
import type { SpeculationUsage } from "./usage.ts";

/** Counters shown by `/get_server_info` and used by tests. */
export interface SchedulerState {
  /** Sequences being computed. */
  readonly numRunning: number;
  /** Tokens of the running sequences that decode. */
  readonly numDecodeTokens: number;
  /** Sequences in the queue for admission. */
  readonly numWaiting: number;
  /** Sequences whose constraint is being compiled; they come into the queue afterwards. */
  readonly numCompiling: number;
  /** Tokens to compute for the sequences in the queue. */
  readonly numWaitingTokens: number;
  /** Clients with requests in the queue that never ran. */
  readonly numWaitingClients: number;
  /** Share of the tokens still to come for which admission keeps pages free. */
  readonly reserveRatio: number;
  /** Time that a step with prompts may take now beside decoding sequences, milliseconds; null without a bound. */
  readonly stepBoundMs: number | null;
  /** Time that a row of a prompt adds to a step now, milliseconds. */
  readonly promptRowMs: number;
  /** The same of each token that such a row sees. */
  readonly promptSeenMs: number;
  /** A pause is in effect: no step is planned. */
  readonly isPaused: boolean;
  /** Sequences that have run and that a pause holds up, where they are or in the queue. */
  readonly numPaused: number;
  /** Sequences in one batch at most. */
  readonly maxRunningRequests: number;
  /** Tokens the KV pool holds. */
  readonly maxTotalTokens: number;
  /** Tokens of pages that are neither free nor evictable. */
  readonly numUsedTokens: number;
  /** Sequences in the queue that ran and were preempted. */
  readonly numPreempted: number;
  /** Pages in the pool, free pages, pages held by the radix cache and evictable. */
  readonly numPages: number;
  /** Pages that no sequence and no cache holds. */
  readonly numFreePages: number;
  /** Pages only the radix cache holds. */
  readonly numEvictablePages: number;
  /** Preemptions since the start. */
  readonly numPreemptions: number;
  /** Forwards since the start. */
  readonly numSteps: number;
  /** Forwards that read prompts. */
  readonly numPrefillSteps: number;
  /** Rounds of drafts since the start. */
  readonly numDrafts: number;
  /** Prompt tokens computed since the start, again after a preemption too. */
  readonly prefillTokens: number;
  /** Tokens of all prompts that were admitted since the start; a preempted sequence counts once. */
  readonly promptTokens: number;
  /** Prompt tokens that the radix cache had. */
  readonly cachedTokens: number;
  /** Tokens generated since the start. */
  readonly generatedTokens: number;
  /** Time of all forwards since the start, milliseconds. */
  readonly forwardMs: number;
  /** Time of forwards that read prompts. */
  readonly prefillForwardMs: number;
  /** Time of all drafting since the start, milliseconds. */
  readonly draftMs: number;
  /** Time of booking what steps yielded since the start, milliseconds. */
  readonly commitMs: number;
  /** Tokens per second over the last log interval. */
  readonly lastGenThroughput: number;
  /** Since the start; absent without speculation. */
  readonly speculation?: SpeculationUsage;
  /** Levels that draft trees have now, 0 while drafts do not pay; absent without speculation. */
  readonly numDraftLevels?: number;
  /** Over the last log interval, without its histograms; absent before the first is over and without speculation. */
  readonly lastSpeculation?: SpeculationUsage;
}

/** Share of the KV pool in use. */
export function tokenUsage({ numUsedTokens, maxTotalTokens }: SchedulerState): number {
  return numUsedTokens / maxTotalTokens;
}

/** The fuller of batch and KV pool, 1 being full. */
export function utilization(state: SchedulerState): number {
  return Math.max(state.numRunning / state.maxRunningRequests, tokenUsage(state));
}

/** Share of the prompt tokens admitted since the start that the radix cache had. */
export function cacheHitRate({ promptTokens, cachedTokens }: SchedulerState): number {
  return cachedTokens / Math.max(1, promptTokens);
}

/** Tokens generated per second over the last log interval; 0 while nothing runs, or in a pause. */
export function genThroughput({ numRunning, isPaused, lastGenThroughput }: SchedulerState): number {
  return numRunning === 0 || isPaused ? 0 : lastGenThroughput;
}
