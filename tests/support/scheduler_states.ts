/**
 * Counters of schedulers.
 *
 * @module
 */
import type { SchedulerState } from "../../runtime/contracts/scheduler_state.ts";

/** Of one with a single page that has done nothing. */
export const idleState: SchedulerState = {
  numRunning: 0,
  numDecodeTokens: 0,
  numWaiting: 0,
  numCompiling: 0,
  numPreempted: 0,
  numWaitingTokens: 0,
  numWaitingClients: 0,
  reserveRatio: 0.7,
  stepBoundMs: null,
  promptRowMs: 0,
  promptSeenMs: 0,
  isPaused: false,
  numPaused: 0,
  maxRunningRequests: 8,
  maxTotalTokens: 16,
  numUsedTokens: 0,
  numPages: 1,
  numFreePages: 1,
  numEvictablePages: 0,
  numPreemptions: 0,
  numSteps: 0,
  numPrefillSteps: 0,
  numDrafts: 0,
  prefillTokens: 0,
  promptTokens: 0,
  cachedTokens: 0,
  generatedTokens: 0,
  forwardMs: 0,
  prefillForwardMs: 0,
  draftMs: 0,
  commitMs: 0,
  lastGenThroughput: 0,
};
