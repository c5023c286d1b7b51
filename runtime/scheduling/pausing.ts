/**
 * Pauses: no step is planned during a pause, and requests queue as ever.
 *
 * @module
 */
import type { PauseMode } from "../contracts/scheduler_settings.ts";
import type { Release } from "../messages/scheduler_verifier.ts";
import { cancel, type SchedulerEvent } from "./ending.ts";
import { preempt } from "./preemption.ts";
import { isBusy, type SchedulingState } from "./state.ts";

/**
 * Begins a pause, or changes its mode. A step that has begun goes on to its end, drafts included, since the drafter
 * counts on what it yields; `settlePause` then does what is left to do.
 */
export function pause(state: SchedulingState, mode: PauseMode): SchedulerEvent[] {
  state.pauseMode = mode;
  return mode === "abort"
    ? [...state.sequences.keys()].flatMap((requestId) => cancel(state, requestId))
    : settlePause(state);
}

/** Takes the pages of all that run, if the pause is to do so and no step is in flight. */
export function settlePause(state: SchedulingState): Release[] {
  if (state.pauseMode !== "retract" || isBusy(state)) return [];
  // Preempts the newest first, so that the order of admission is kept.
  return state.running.toReversed().map((sequence) => {
    preempt(state, sequence);
    return { type: "release", requestId: sequence.requestId };
  });
}

/** Ends a pause. */
export function resume(state: SchedulingState): void {
  state.pauseMode = undefined;
}
