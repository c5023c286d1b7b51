/**
 * Every message that crosses an actor border, by receiver. Commands are imperatives, facts past participles; `type`
 * discriminates; step messages carry `step`, request messages and the events of `progressed` carry `requestId`. All values
 * are structured-cloneable and typed arrays own their whole buffer.
 *
 * @module
 */
import type { ControlCommand, ControlFact } from "./control.ts";
import type { Cancel, Flush, Flushed, Inspect, Inspected, Progressed, Submit } from "./engine_scheduler.ts";
import type { Compiled, Masked, MatcherMessage, Refined } from "./matcher.ts";
import type { Draft, Drafted } from "./scheduler_drafter.ts";
import type { Forward, Forwarded, Release } from "./scheduler_verifier.ts";

/** Senders and receivers. */
export type Address = "engine" | "scheduler" | "drafter" | "verifier" | "matcher";

/** Commands and facts that the scheduler receives. */
export type SchedulerMessage =
  | Submit
  | Cancel
  | Flush
  | Inspect
  | ControlCommand
  | Drafted
  | Forwarded
  | Compiled;

/** Commands the verifier takes. */
export type VerifierMessage = Forward | Release | Refined | Masked;

/** Commands the drafter takes. */
export type DrafterMessage = Draft | Release;

export type { MatcherMessage };

/** Facts that the engine receives. */
export type EngineMessage = Progressed | Flushed | Inspected | ControlFact;

/** Marks a `switch` over a union as complete. */
export function unreachable(value: never): never {
  throw new TypeError(`Cannot handle message: ${JSON.stringify(value)}`);
}
