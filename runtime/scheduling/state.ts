/**
 * Everything the scheduler knows. Changed only by the functions of this folder and of `admission/`, one message at a time.
 *
 * @module
 */
import { type AdmissionState, createAdmission } from "../admission/state.ts";
import type { SchedulerConfig } from "../contracts/config.ts";
import type { PauseMode } from "../contracts/scheduler_settings.ts";
import type { Draft } from "../messages/scheduler_drafter.ts";
import type { Forward, Release } from "../messages/scheduler_verifier.ts";
import { type SpeculationCounts, zeroCounts } from "../contracts/speculation_counts.ts";
import type { Sequence } from "../sequences/sequence.ts";
import type { DraftLoad, DraftPlan, DraftPolicy, VerifiedDraft } from "../contracts/draft_policy.ts";
import { createStepTimes, type StepTimes, type StepWork } from "../step_time/step_time.ts";

/** Drafts under way. */
export interface DraftStep {
  readonly draft: Draft;
  /** Sequence of each request. */
  readonly sequences: readonly Sequence[];
  /** Candidate of the plan's load for each request. */
  readonly candidates: readonly number[];
  readonly plan: DraftPlan;
}

/** A tree to verify, the policy's facts about it, and the time from the plan until it was here, milliseconds. */
export type SequenceDraft = Omit<VerifiedDraft, "accepted"> & { readonly draftMs: number };

/** Drafts to verify, by sequence, an empty tree included. */
export type Drafts = ReadonlyMap<Sequence, SequenceDraft>;

/** One step: what to send, and what the log says about it. */
export interface Step {
  readonly forward: Forward;
  /** Sequence of each segment. */
  readonly sequences: readonly Sequence[];
  /** Drafts that the step verifies, by sequence. */
  readonly drafts: Drafts;
  /** Sequences preempted to make room; to be sent before the forward. */
  readonly releases: readonly Release[];
  readonly work: StepWork;
  readonly numDecoding: number;
  readonly numPrefilling: number;
  readonly numPrefillRows: number;
  /** Tokens found in the radix cache for the sequences that this step admits. */
  readonly numCachedTokens: number;
}

/** The scheduler's state. */
export interface SchedulingState extends AdmissionState {
  /** The step whose outcome is awaited; pages it writes must stay where they are. */
  inFlight: Step | undefined;
  /** The drafts that are awaited; the step that verifies them comes next. */
  draftInFlight: DraftStep | undefined;
  /** Undefined without speculation. */
  readonly policy: DraftPolicy | undefined;
  /** The load that the policy was last asked about, until it observes the outcome. */
  draftLoad: DraftLoad | undefined;
  /** Undefined while no pause was asked for. */
  pauseMode: PauseMode | undefined;
  readonly stepTimes: StepTimes;
  /** Draft tokens of all sequences since the start. */
  readonly speculation: SpeculationCounts;
  /** Forwards that read prompts, and prompt rows in them. */
  numPrefillSteps: number;
  prefillTokens: number;
  /** Rounds of drafts. */
  numDrafts: number;
  numPreemptions: number;
  generatedTokens: number;
  /** Since the start, milliseconds. */
  forwardMs: number;
  /** Time of forwards that read prompts, since the start, milliseconds. */
  prefillForwardMs: number;
  draftMs: number;
}

/** Initial state: nothing to do. The policy says what is drafted; without one there is no speculation. */
export function createState(config: SchedulerConfig, policy?: DraftPolicy): SchedulingState {
  return {
    ...createAdmission(config),
    inFlight: undefined,
    draftInFlight: undefined,
    policy,
    draftLoad: undefined,
    pauseMode: undefined,
    stepTimes: createStepTimes(),
    speculation: zeroCounts(),
    numPrefillSteps: 0,
    prefillTokens: 0,
    numDrafts: 0,
    numPreemptions: 0,
    generatedTokens: 0,
    forwardMs: 0,
    prefillForwardMs: 0,
    draftMs: 0,
  };
}

/** True while the models are at work. */
export function isBusy({ inFlight, draftInFlight }: SchedulingState): boolean {
  return inFlight !== undefined || draftInFlight !== undefined;
}

/**
 * Empties the radix cache; false, and nothing done, while requests run or wait. During a pause those that wait own
 * nothing, and do not count.
 */
export function flush(state: SchedulingState): boolean {
  const { sequences, running, pauseMode, allocator, cache } = state;
  const numInTheWay = pauseMode === undefined ? sequences.size : running.length;
  if (numInTheWay > 0 || isBusy(state)) return false;
  allocator.free(cache.evict(cache.numEvictable));
  return true;
}
