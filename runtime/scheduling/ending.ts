/**
 * Cancellation and completion of sequences.
 *
 * @module
 */
import type { FinishReason } from "../contracts/outputs.ts";
import type { WireError } from "../contracts/errors.ts";
import type { Failed, Finished, Tokens } from "../messages/engine_scheduler.ts";
import type { Forget } from "../messages/matcher.ts";
import type { Release } from "../messages/scheduler_verifier.ts";
import { observeDeparture } from "../admission/departures.ts";
import { releasePages } from "../sequences/pages.ts";
import { pooledStates } from "../sequences/hidden_states.ts";
import { type Sequence, usageOf } from "../sequences/sequence.ts";
import type { SchedulingState } from "./state.ts";

/** What happened to a sequence: `release` concerns the models, `forget` the matcher, the others the client. */
export type SchedulerEvent = Tokens | Finished | Failed | Release | Forget;

/** Reason of a cancelled generation. */
export const aborted: FinishReason = { type: "abort", message: "Request was aborted" };

/**
 * Cancels a request: at once, unless the step in flight writes its pages; then `commit` does. Nothing happens if it has
 * ended.
 */
export function cancel(state: SchedulingState, requestId: string): SchedulerEvent[] {
  const sequence = state.sequences.get(requestId);
  if (sequence === undefined) return [];
  sequence.cancelled = state.inFlight?.sequences.includes(sequence) ?? false;
  return sequence.cancelled ? [] : endSequence(state, sequence, aborted);
}

/** Ends a sequence, whose rows are not in flight. */
export function endSequence(
  state: SchedulingState,
  sequence: Sequence,
  reason: FinishReason,
): SchedulerEvent[] {
  const { requestId, queueMs, states } = sequence;
  const pooled = states && pooledStates(states);
  const last: Finished = {
    type: "finished",
    requestId,
    reason,
    usage: usageOf(sequence),
    ...(queueMs !== undefined && { queueMs }),
    ...(pooled && { pooled }),
  };
  return [...remove(state, sequence, reason.type !== "abort"), last];
}

/** Ends a sequence, whose rows are not in flight, by an error. */
export function failSequence(state: SchedulingState, sequence: Sequence, error: WireError): SchedulerEvent[] {
  return [...remove(state, sequence, false), { type: "failed", requestId: sequence.requestId, error }];
}

/** Removes a sequence and frees what it holds; `isWhole` if it ended by itself. */
function remove(state: SchedulingState, sequence: Sequence, isWhole: boolean): SchedulerEvent[] {
  const { requestId, constraint } = sequence, forget: Forget = { type: "forget", requestId };
  const forgets = constraint === undefined ? [] : [forget];
  state.sequences.delete(requestId);
  observeDeparture(state.departures, sequence, isWhole);
  const position = state.running.indexOf(sequence);
  if (position < 0) {
    if (!state.waiting.delete(sequence)) state.compiling.delete(sequence);
    return forgets;
  }
  state.running.splice(position, 1);
  releasePages(state, sequence);
  return [{ type: "release", requestId }, ...forgets];
}
