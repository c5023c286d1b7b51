/**
 * Everything the scheduler knows. Changed only by the functions of this folder, one message at a time.
 *
 * @module
 */
import { PageAllocator } from "../cache/page_allocator.ts";
import { nextTokenPageKey, RadixCache, tokenPageKey } from "../cache/radix_cache.ts";
import type { SchedulerConfig } from "../contracts/config.ts";
import type { PauseMode } from "../contracts/scheduler_settings.ts";
import type { SchedulerState } from "../contracts/scheduler_state.ts";
import type { Forward, Release } from "../messages/scheduler_verifier.ts";
import { type AdmissionOrder, createAdmissionOrder } from "./admission_order.ts";
import { createDepartures, type Departures } from "./departures.ts";
import { createDrafting, type Drafting, numLevelsNow } from "./draft_experience.ts";
import type { Drafts, DraftStep } from "./drafting.ts";
import { isPrefilling, type Sequence } from "./sequence.ts";
import { copyCounts } from "./speculation_counts.ts";
import {
  addWork,
  createStepTimes,
  noWork,
  stepBoundMs,
  type StepTimes,
  type StepWork,
  workOf,
} from "./step_time.ts";
import { WaitingQueue } from "./waiting_queue.ts";

/** Share of the tokens still to come that is kept free at first, and what it sinks to, at 1 times. */
const MAX_RESERVE = 0.7, MIN_RESERVE = 0.1;
/** Steps in which it sinks. */
const RESERVE_STEPS = 600;

/**
 * Bounds of `reserveRatio`, SGLang's `new_token_ratio`: few requests use all the tokens they may, so only this share
 * is kept free for those running. It sinks by `decay` a step and is set back by a preemption.
 */
export interface ReserveRatioBounds {
  readonly max: number;
  readonly min: number;
  readonly decay: number;
}

/** One turn of the loop: what to send, and what the log says about it. */
export interface Step {
  readonly forward: Forward;
  /** Sequence of each segment. */
  readonly sequences: readonly Sequence[];
  /** Those that were asked for. */
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
export interface SchedulingState {
  /** Replaced as a whole when settings change. */
  config: SchedulerConfig;
  readonly reserveRatioBounds: ReserveRatioBounds;
  readonly allocator: PageAllocator;
  readonly cache: RadixCache;
  /** Every request that has not ended. */
  readonly sequences: Map<string, Sequence>;
  readonly waiting: WaitingQueue;
  readonly admissionOrder: AdmissionOrder;
  /** In the order of admission. The verifier knows exactly these. */
  readonly running: Sequence[];
  /** The step whose outcome is awaited; pages it writes must stay where they are. */
  inFlight: Step | undefined;
  /** The drafts that are awaited; the step that verifies them comes next. */
  draftInFlight: DraftStep | undefined;
  /** Undefined without speculation. */
  readonly drafting: Drafting | undefined;
  /** Undefined while work goes on. */
  pauseMode: PauseMode | undefined;
  /** Share of the tokens still to come for which admission keeps pages free. */
  reserveRatio: number;
  readonly stepTimes: StepTimes;
  readonly departures: Departures;
  /** The newest batch: what is left of it fares as its first request did. */
  lastBatch: { readonly id: string; readonly isRefused: boolean } | undefined;
  numSteps: number;
  /** Forwards that read prompts, and prompt rows in them. */
  numPrefillSteps: number;
  prefillTokens: number;
  /** Rounds of drafts. */
  numDrafts: number;
  numPreemptions: number;
  promptTokens: number;
  cachedTokens: number;
  generatedTokens: number;
  /** Since the start. */
  forwardMs: number;
  /** Those of forwards that read prompts. */
  prefillForwardMs: number;
  draftMs: number;
}

/** A scheduler with nothing to do. */
export function createState(config: SchedulerConfig): SchedulingState {
  const { numPages, pageSize, disableRadixCache, drafting } = config;
  const reserveRatioBounds = reserveBounds(config.scheduleConservativeness);
  const pageKey = drafting?.keyIncludesNextToken ? nextTokenPageKey(pageSize) : tokenPageKey(pageSize);
  return {
    config,
    reserveRatioBounds,
    allocator: new PageAllocator(numPages),
    cache: new RadixCache(disableRadixCache ? () => undefined : pageKey),
    sequences: new Map(),
    waiting: new WaitingQueue(),
    admissionOrder: createAdmissionOrder(),
    running: [],
    inFlight: undefined,
    draftInFlight: undefined,
    drafting: drafting && createDrafting(drafting, pageSize),
    pauseMode: undefined,
    reserveRatio: reserveRatioBounds.max,
    stepTimes: createStepTimes(),
    departures: createDepartures(),
    lastBatch: undefined,
    numSteps: 0,
    numPrefillSteps: 0,
    prefillTokens: 0,
    numDrafts: 0,
    numPreemptions: 0,
    promptTokens: 0,
    cachedTokens: 0,
    generatedTokens: 0,
    forwardMs: 0,
    prefillForwardMs: 0,
    draftMs: 0,
  };
}

/** No more can be kept free than all that is to come, however conservative. */
function reserveBounds(conservativeness: number): ReserveRatioBounds {
  const max = Math.min(1, conservativeness * MAX_RESERVE), min = max * MIN_RESERVE / MAX_RESERVE;
  return { max, min, decay: (max - min) / RESERVE_STEPS };
}

/** True while the models are at work. */
export function isBusy({ inFlight, draftInFlight }: SchedulingState): boolean {
  return inFlight !== undefined || draftInFlight !== undefined;
}

/** Tokens the KV pool holds. */
export function poolTokens({ numPages, pageSize }: SchedulerConfig): number {
  return numPages * pageSize;
}

/** Tokens of pages that are neither free nor evictable. */
export function numUsedTokens({ config, allocator, cache }: SchedulingState): number {
  return (config.numPages - allocator.numFree - cache.numEvictable) * config.pageSize;
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

/** What only the owner of a clock knows. */
type Measured = Pick<SchedulerState, "commitMs" | "lastGenThroughput" | "lastSpeculation">;

/** Counters for whoever asks; the caller measures times. */
export function inspect(state: SchedulingState, measured: Measured): SchedulerState {
  const decoding = state.running.filter((sequence) => !isPrefilling(sequence));
  return {
    numRunning: state.running.length,
    numDecodeTokens: decoding.reduce((sum, { tokens }) => sum + tokens.length, 0),
    numWaiting: state.waiting.size,
    numWaitingTokens: state.waiting.numTokens,
    numWaitingClients: state.waiting.numClients,
    reserveRatio: state.reserveRatio,
    stepBoundMs: stepBoundInEffect(state, decoding),
    promptRowMs: state.stepTimes.prompt.rowMs,
    promptSeenMs: state.stepTimes.prompt.seenMs,
    isPaused: state.pauseMode !== undefined,
    numPaused: state.pauseMode === undefined ? 0 : state.running.length + state.waiting.numPreempted,
    maxRunningRequests: state.config.maxRunningRequests,
    maxTotalTokens: poolTokens(state.config),
    numUsedTokens: numUsedTokens(state),
    numPreempted: state.waiting.numPreempted,
    numPages: state.config.numPages,
    numFreePages: state.allocator.numFree,
    numEvictablePages: state.cache.numEvictable,
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
    ...(state.drafting && {
      speculation: copyCounts(state.drafting.usage),
      numDraftLevels: numLevelsNow(state.drafting),
    }),
  };
}

/** Null if there is none. */
function stepBoundInEffect(
  { config: { maxStepMs }, stepTimes }: SchedulingState,
  decoding: readonly Sequence[],
): number | null {
  if (maxStepMs === undefined) return null;
  const decode = decoding.reduce((sum, { tokens }) => addWork(sum, workOf(tokens.length - 1, 1)), noWork);
  return stepBoundMs(stepTimes, decode, maxStepMs);
}
