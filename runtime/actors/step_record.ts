/**
 * The record of a step for a profile.
 *
 * @module
 */
import type { StepRecord } from "../messages/control.ts";
import type { Forwarded } from "../messages/scheduler_verifier.ts";
import { verifiedTree } from "../scheduling/commit.ts";
import type { SchedulingState, Step } from "../scheduling/state.ts";

/** What a step was and what came of it, by a state that has booked it. */
export function recordOf(
  { running, waiting }: SchedulingState,
  step: Step,
  { results, forwardMs }: Forwarded,
  times: Pick<StepRecord, "plannedAt" | "draft" | "sentAt" | "forwardedAt" | "committedAt">,
): StepRecord {
  const { forward: { step: number, segments }, numDecoding, numPrefilling, numPrefillRows } = step;
  return {
    step: number,
    ...times,
    forwardMs,
    numDecoding,
    numPrefilling,
    numPrefillRows,
    numDraftNodes: segments.reduce(
      (sum, segment, i) => sum + verifiedTree(segment, results[i]!).tokens.length,
      0,
    ),
    numTokens: results.reduce((sum, { tokens }) => sum + tokens.length, 0),
    numRunning: running.length,
    numWaiting: waiting.size,
  };
}
