/**
 * Counters of the scheduler for `/get_server_info` and metrics.
 *
 * @module
 */
import type { SchedulerState } from "../contracts/scheduler_state.ts";
import { copyCounts } from "../contracts/speculation_counts.ts";
import { numUsedTokens, poolTokens } from "../sequences/pages.ts";
import { isPrefilling, type Sequence } from "../sequences/sequence.ts";
import { addWork, noWork, stepBoundMs, workOf } from "../step_time/step_time.ts";
import type { SchedulingState } from "./state.ts";

/** Counters that the caller measures, since this folder has no clock. */
type Measured = Pick<SchedulerState, "commitMs" | "lastGenThroughput" | "lastSpeculation">;

/** The counters as they are now; the caller measures times. */
export function inspect(state: SchedulingState, measured: Measured): SchedulerState {
  const { config, running, compiling, waiting, allocator, cache, policy, stepTimes } = state;
  const decoding = running.filter((sequence) => !isPrefilling(sequence));
  return {
    numRunning: running.length,
    numDecodeTokens: decoding.reduce((sum, { tokens }) => sum + tokens.length, 0),
    numWaiting: waiting.size,
    numCompiling: compiling.size,
    numWaitingTokens: waiting.numTokens,
    numWaitingClients: waiting.numClients,
    reserveRatio: state.reserve.ratio,
    stepBoundMs: stepBoundInEffect(state, decoding),
    promptRowMs: stepTimes.prompt.rowMs,
    promptSeenMs: stepTimes.prompt.seenMs,
    isPaused: state.pauseMode !== undefined,
    numPaused: state.pauseMode === undefined ? 0 : running.length + waiting.numPreempted,
    maxRunningRequests: config.maxRunningRequests,
    maxTotalTokens: poolTokens(config),
    numUsedTokens: numUsedTokens(state),
    numPreempted: waiting.numPreempted,
    numPages: config.numPages,
    numFreePages: allocator.numFree,
    numEvictablePages: cache.numEvictable,
    numPreemptions: state.numPreemptions,
    numSteps: state.numSteps,
    numPrefillSteps: state.numPrefillSteps,
    numDrafts: state.numDrafts,
    prefillTokens: state.prefillTokens,
    promptTokens: state.promptTokens,
    cachedTokens: state.cachedTokens,
    generatedTokens: state.generatedTokens,
    forwardMs: state.forwardMs,
    prefillForwardMs: state.prefillForwardMs,
    draftMs: state.draftMs,
    ...measured,
    ...(policy && { speculation: copyCounts(state.speculation), numDraftLevels: policy.numLevels }),
  };
}

/** Bound on the time of a step with prompts, milliseconds; null without one. */
function stepBoundInEffect(
  { config: { maxStepMs }, stepTimes }: SchedulingState,
  decoding: readonly Sequence[],
): number | null {
  if (maxStepMs === undefined) return null;
  const decode = decoding.reduce((sum, { tokens }) => addWork(sum, workOf(tokens.length - 1, 1)), noWork);
  return stepBoundMs(stepTimes, decode, maxStepMs);
}
