/**
 * Messages by which an operator steers the scheduler while it runs: pauses, settings, profiles. Each is answered,
 * at its own time; `profiled` comes unasked.
 *
 * @module
 */
import type { PauseMode, SchedulerSettings } from "../contracts/scheduler_settings.ts";

/** Starts no further step, before the step in flight has ended; answered by `paused`. */
export interface Pause {
  /** Discriminates. */
  readonly type: "pause";
  /** What becomes of the requests there are. */
  readonly mode: PauseMode;
}

/** Ends a pause; answered by `resumed`. */
export interface Resume {
  /** Discriminates. */
  readonly type: "resume";
}

/** Changes settings; answered by `configured`. */
export interface Configure {
  /** Discriminates. */
  readonly type: "configure";
  /** The new values. */
  readonly settings: SchedulerSettings;
}

/** Starts to record steps; answered by `profileStarted`, then by `profiled` as they are made. */
export interface StartProfile {
  /** Discriminates. */
  readonly type: "startProfile";
  /** Steps to let pass first. */
  readonly numSkipped: number;
  /** Steps to record. */
  readonly numSteps: number;
}

/** Ends the recording; answered by the last `profiled`, unless that was sent already. */
export interface StopProfile {
  /** Discriminates. */
  readonly type: "stopProfile";
}

/** Answer to `pause`: nothing is being computed. */
export interface Paused {
  /** Discriminates. */
  readonly type: "paused";
}

/** Answer to `resume`. */
export interface Resumed {
  /** Discriminates. */
  readonly type: "resumed";
}

/** Answer to `configure`. */
export interface Configured {
  /** Discriminates. */
  readonly type: "configured";
}

/** Answer to `startProfile`. */
export interface ProfileStarted {
  /** Discriminates. */
  readonly type: "profileStarted";
}

/** What was recorded of one step; times in milliseconds of the scheduler's clock. */
export interface StepRecord {
  /** Number of the step. */
  readonly step: number;
  /** When the step was planned. */
  readonly plannedAt: number;
  /** When its drafts were asked for and when they came; absent without drafts. */
  readonly draft?: { readonly sentAt: number; readonly endedAt: number; readonly numSequences: number };
  /** When the forward was sent. */
  readonly sentAt: number;
  /** When its outcome came. */
  readonly forwardedAt: number;
  /** Time inside the native forward. */
  readonly forwardMs: number;
  /** When the outcome was booked. */
  readonly committedAt: number;
  /** Sequences that decoded. */
  readonly numDecoding: number;
  /** Sequences that read their prompt. */
  readonly numPrefilling: number;
  /** Rows of prompts. */
  readonly numPrefillRows: number;
  /** Nodes of draft trees that were verified. */
  readonly numDraftNodes: number;
  /** Tokens that the step yielded. */
  readonly numTokens: number;
  /** Sequences that ran after the step. */
  readonly numRunning: number;
  /** Sequences that waited after the step. */
  readonly numWaiting: number;
}

/** Steps that were recorded since the last such message. */
export interface Profiled {
  /** Discriminates. */
  readonly type: "profiled";
  /** In their order. */
  readonly steps: readonly StepRecord[];
  /** The recording is over. */
  readonly isLast: boolean;
}

/** Commands that steer. */
export type ControlCommand = Pause | Resume | Configure | StartProfile | StopProfile;
/** What comes back. */
export type ControlFact = Paused | Resumed | Configured | ProfileStarted | Profiled;
