/**
 * Log of the scheduler actor: a line per batch with prompts and per interval of decode steps, warnings.
 *
 * @module
 */
import type { ActorContext } from "../actor/actor.ts";
import { DecodeMeter } from "../metrics/decode_meter.ts";
import { decodeLine, type LoggedLoad, preemptionLine, prefillLine } from "../metrics/log_lines.ts";
import type { SchedulingState, Step } from "../scheduling/state.ts";
import { numUsedTokens, poolTokens } from "../sequences/pages.ts";

/** Verifications after which the policy is asked whether drafts pay, for a warning: enough for a steady accept length. */
const NUM_JUDGED_VERIFICATIONS = 256;

/** Writes the log lines of the scheduler actor. */
export class SchedulerLog {
  /** Throughput over the intervals of the decode lines. */
  readonly meter: DecodeMeter = new DecodeMeter();
  /** Whether the policy was asked for a warning. */
  #isJudged = false;

  /** Logs a planned step. */
  onPlanned(state: SchedulingState, step: Step, { log }: ActorContext): void {
    if (step.releases.length > 0) log("warning", preemptionLine(step.releases.length));
    if (step.numPrefilling > 0) log("info", prefillLine(loadOf(state), step));
  }

  /** Logs a step that was committed `busyMs` milliseconds after it was planned. */
  onCommitted(
    state: SchedulingState,
    { numDecoding, busyMs, ranGraph }: {
      readonly numDecoding: number;
      readonly busyMs: number;
      /** Its forward ran as a captured graph. */
      readonly ranGraph: boolean;
    },
    { log }: ActorContext,
  ): void {
    const { generatedTokens, policy, config } = state;
    const step = { numDecoding, busyMs, generatedTokens, usage: policy && state.speculation };
    if (this.meter.add(step, config.decodeLogInterval)) {
      const { genThroughput, speculation } = this.meter;
      log("info", decodeLine(loadOf(state), { numDecoding, ranGraph }, genThroughput, speculation));
    }
    const warning = this.#judgeDrafts(state);
    if (warning !== undefined) log("warning", warning);
  }

  #judgeDrafts(state: SchedulingState): string | undefined {
    const { policy, speculation, numDrafts, departures: { recent } } = state;
    const { numVerifications } = speculation;
    if (this.#isJudged || policy === undefined) return undefined;
    if (numVerifications < NUM_JUDGED_VERIFICATIONS) return undefined;
    this.#isJudged = true;
    // Requests that decode plainly count among those that ran, but have no verifications.
    const numSequences = Math.min(recent.numSequences / recent.numSteps, numVerifications / numDrafts);
    return policy.warning(speculation, Math.max(1, Math.round(numSequences)));
  }
}

function loadOf(state: SchedulingState): LoggedLoad {
  return {
    numUsedTokens: numUsedTokens(state),
    poolTokens: poolTokens(state.config),
    numWaiting: state.waiting.size,
  };
}
