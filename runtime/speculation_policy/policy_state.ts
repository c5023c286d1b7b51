/**
 * Policy state: what the adaptive policy has learnt of acceptance and of the times of forwards and drafts, and when it
 * last probed. Plain data.
 *
 * @module
 */
import type { DraftingConfig } from "../contracts/speculation_config.ts";
import { Acceptance } from "./acceptance.ts";
import type { Costs } from "./draft_budget.ts";
import { createForwardTimes, type ForwardTimes } from "./forward_times.ts";
import { createProbing, type Probing } from "./probing.ts";

/** Weight of the newest draft in `draftScale` where it is higher, per draft: a few cold caches must not end drafting. */
const DRAFT_RISE_WEIGHT = 1 / 16;
/** Weight of the newest draft where it is lower, per draft: other processes only ever make a draft take longer. */
const DRAFT_FALL_WEIGHT = 1 / 4;
/** Clamp on one draft's time over `draftScale`, as a ratio: outliers, such as a descheduled process. */
const MAX_DRAFT_RISE = 4;
/** Weight of the newest step in `overheadMs`, per step: scheduling noise is averaged out. */
const OVERHEAD_WEIGHT = 1 / 16;

/** Everything the adaptive policy remembers between two steps. */
export interface PolicyState {
  /** Acceptance statistics, separate for greedy and sampled sequences: sampled tokens match drafts less often. */
  readonly acceptance: { readonly greedy: Acceptance; readonly sampled: Acceptance };
  readonly forwards: ForwardTimes;
  /** Moving average of measured over expected drafting time. */
  draftScale: number;
  /** Moving average of the time of a step beside its native forward, milliseconds. */
  overheadMs: number;
  readonly probing: Probing;
  /** Levels that paid at the last decision; 0 if none did. */
  numLevels: number;
  /** Steps that go without a decision, while as many sequences decode as at the last one. */
  readonly cooldown: { numSteps: number; numDecoding: number };
}

/** Initial state, before anything was observed. */
export function createPolicyState({ numSteps, forwardMs, contextMs }: DraftingConfig): PolicyState {
  return {
    acceptance: { greedy: new Acceptance(numSteps), sampled: new Acceptance(numSteps) },
    forwards: createForwardTimes(forwardMs, contextMs),
    draftScale: 1,
    overheadMs: 0,
    probing: createProbing(),
    numLevels: 0,
    cooldown: { numSteps: 0, numDecoding: 0 },
  };
}

/** Acceptance statistics for a sequence, greedy or sampled. */
export function acceptanceOf(
  { acceptance }: PolicyState,
  { isSampled }: { readonly isSampled: boolean },
): Acceptance {
  return isSampled ? acceptance.sampled : acceptance.greedy;
}

/** Costs in units of a forward's time as it is now. */
export function costsOf(
  { draftMs }: Pick<DraftingConfig, "draftMs">,
  { forwards, draftScale, overheadMs }: PolicyState,
): Costs {
  const { curve, contextMs, draftedScale } = forwards, unit = Math.max(forwards.scale, 1e-9);
  return {
    forwardMs: curve,
    contextMs,
    draftMs,
    draftScale: draftScale / unit,
    draftedScale,
    overheadMs: overheadMs / unit,
  };
}

/** Updates `draftScale` by the ratio of a draft's time to its expected time, both in milliseconds. */
export function observeDraftTime(state: PolicyState, draftMs: number, expectedMs: number): void {
  if (expectedMs <= 0) return;
  const scale = Math.min(draftMs / expectedMs, MAX_DRAFT_RISE * state.draftScale);
  const weight = scale < state.draftScale ? DRAFT_FALL_WEIGHT : DRAFT_RISE_WEIGHT;
  state.draftScale += weight * (scale - state.draftScale);
}

/** Updates the overhead of a step beside its native forward, milliseconds. */
export function observeOverhead(state: PolicyState, overheadMs: number): void {
  state.overheadMs += OVERHEAD_WEIGHT * (Math.max(0, overheadMs) - state.overheadMs);
}
