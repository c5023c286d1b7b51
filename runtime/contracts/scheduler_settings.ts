/**
 * What an operator may change of a running scheduler.
 *
 * @module
 */

/**
 * What becomes of the requests that a pause finds, in SGLang's words: `abort` ends them all, `retract` takes their pages
 * and computes them again later, `in_place` leaves them where they are.
 */
export type PauseMode = "abort" | "retract" | "in_place";

/** Settings of the scheduler that can change while it runs, as `SchedulerConfig` has them; what is left out stays. */
export interface SchedulerSettings {
  /** Sequences in one batch at most; no more than at the start. */
  readonly maxRunningRequests?: number;
  /** Requests that may wait besides the running ones. */
  readonly maxQueuedRequests?: number;
  /** Requests of one client that may wait; -1 for no limit of their own. */
  readonly maxQueuedPerClient?: number;
  /** Prompt tokens that may wait; -1 for no limit. */
  readonly maxQueuedTokens?: number;
  /** Time that a step with prompts may take beside decoding sequences, milliseconds; -1 for no limit. */
  readonly maxStepMs?: number;
  /** Decode steps between two decode log lines. */
  readonly decodeLogInterval?: number;
}
