/**
 * Forward times of decoding sequences: the cost curve of the trials at start, corrected by the forwards since.
 *
 * @module
 */
import type { ContextCosts, CostCurve } from "../contracts/speculation_config.ts";
import { contextCost, costAt } from "./draft_budget.ts";
import type { ComputedRows } from "../contracts/draft_policy.ts";

/** Weight of the newest forward in `scale`, per forward: the machine's speed changes within tens of steps. */
const SCALE_WEIGHT = 1 / 16;
/** Weight of two successive forwards of different sizes in the curve, per pair: one pair is mostly noise. */
const CURVE_WEIGHT = 1 / 32;
/** Clamp on the ratio of two forwards, either way: outliers, such as a descheduled process. */
const MAX_RATIO = 1.5;
/** Steps with drafts before the first comparison with plain steps, while drafts pay. */
const MIN_COMPARISON_WAIT = 16;
/** Steps with drafts between two comparisons at most: what drafting does to forwards may change. */
const MAX_COMPARISON_WAIT = 4096;
/** Factor by which the wait grows after each comparison: what stays true need not be checked as often. */
const COMPARISON_WAIT_GROWTH = 4;
/** Plain steps of a comparison per root of the wait before it: a rare comparison can afford to be exact. */
const COMPARISON_STEPS_PER_ROOT = 4;
/**
 * Share of a comparison's steps that do not count, its first: where drafting drives the target's weights out of a shared
 * cache, plain forwards need tens of steps to recover.
 */
const RECOVERY_SHARE = 0.75;
/** Sum of the weights of one comparison's forwards: two comparisons correct most of an error. */
const COMPARISON_WEIGHT = 1 / 2;
/** Plain steps in which corrections of drafting and of the curve fade: what was too expensive may not be so any more. */
const CORRECTION_MEMORY = 8192;

/** Estimates of forward times, with the counters behind them. */
export interface ForwardTimes {
  /** Cost curve by number of rows, as measured at start. */
  readonly trial: CostCurve;
  /** The cost curve corrected by the observed ratios between sizes; the machine's present speed is in `scale`. */
  readonly curve: { readonly sizes: readonly number[]; readonly ms: number[] };
  readonly contextMs: ContextCosts;
  /** The last forward, to compare the next one with. */
  last: SizedForward | undefined;
  /** Moving average of measured over expected time. */
  scale: number;
  /** Moving average of the same ratio for forwards while drafting, relative to plain ones. */
  draftedScale: number;
  /** Forwards that `scale` comes from. */
  numForwards: number;
  /** Steps without drafts since the last one with drafts. */
  numPlain: number;
  /** Steps with drafts since the last comparison. */
  numSinceComparison: number;
  comparisonWait: number;
}

/** A forward as the reference of a comparison by size. */
interface SizedForward {
  readonly numRows: number;
  readonly hadDrafts: boolean;
  /** Measured over expected time. */
  readonly ratio: number;
}

/** Initial state: the trials at start. */
export function createForwardTimes(trial: CostCurve, contextMs: ContextCosts): ForwardTimes {
  return {
    trial,
    curve: { sizes: trial.sizes, ms: [...trial.ms] },
    contextMs,
    last: undefined,
    scale: 1,
    draftedScale: 1,
    numForwards: 0,
    numPlain: 0,
    numSinceComparison: 0,
    comparisonWait: MIN_COMPARISON_WAIT,
  };
}

/**
 * Learns from the time of a forward of decoding sequences.
 *
 * @param isDrafting whether drafts pay by what is known
 * @param hadDrafts whether there were drafts, verified or not
 */
export function observeForward(
  times: ForwardTimes,
  computed: readonly ComputedRows[],
  { forwardMs, isDrafting, hadDrafts }: {
    readonly forwardMs: number;
    readonly isDrafting: boolean;
    readonly hadDrafts: boolean;
  },
): void {
  times.numPlain = hadDrafts ? 0 : times.numPlain + 1;
  if (hadDrafts) times.numSinceComparison++;
  const total = (of: (one: ComputedRows) => number) => computed.reduce((sum, one) => sum + of(one), 0);
  const numRows = total((one) => one.numRows), ofRows = costAt(times.curve, numRows);
  const expected = ofRows + contextCost(
    times.contextMs,
    total(({ numContextTokens }) => numContextTokens),
    total(({ numRows, numContextTokens }) => numRows * numContextTokens),
  );
  if (expected <= 0 || forwardMs <= 0) return;
  const ratio = forwardMs / expected, forward = { numRows, hadDrafts, ratio };
  compareSizes(times, forward, ofRows / expected);
  times.last = forward;
  if (hadDrafts !== isDrafting) {
    if (isDrafting) observePlain(times, ratio);
    return;
  }
  // While drafting, `scale` follows forwards with drafts; otherwise it follows plain ones.
  const plain = hadDrafts ? ratio / times.draftedScale : ratio;
  const weight = Math.max(SCALE_WEIGHT, 1 / (1 + times.numForwards++));
  times.scale += weight * (plain - times.scale);
  if (!hadDrafts) fadeCorrections(times);
}

/**
 * Phase of the comparison of drafted steps with plain ones, while drafts pay: not due, plain steps under way, or all of
 * them made.
 *
 * @param isFirst drafts only begin to pay, as after `beginDrafting`
 */
export function comparisonPhase(times: ForwardTimes, isFirst = false): "not due" | "comparing" | "over" {
  const wait = isFirst ? MIN_COMPARISON_WAIT : times.comparisonWait;
  if (times.numSinceComparison < wait) return "not due";
  return times.numPlain < comparisonLength(wait) ? "comparing" : "over";
}

/** Resets the wait between comparisons, when drafts begin to pay. */
export function beginDrafting(times: ForwardTimes): void {
  times.comparisonWait = MIN_COMPARISON_WAIT;
}

/** Ends a comparison and lengthens the wait before the next. */
export function endComparison(times: ForwardTimes): void {
  times.numSinceComparison = 0;
  times.comparisonWait = Math.min(COMPARISON_WAIT_GROWTH * times.comparisonWait, MAX_COMPARISON_WAIT);
}

/** Number of plain steps in a comparison after a wait of `wait` steps. */
function comparisonLength(wait: number): number {
  return COMPARISON_STEPS_PER_ROOT * Math.sqrt(wait);
}

/**
 * Corrects the curve by the time ratio of two successive forwards of different sizes; the machine's speed cancels out.
 *
 * @param share of the time that is the rows', the rest is the contexts'
 */
function compareSizes(
  { curve: { sizes, ms }, last }: ForwardTimes,
  forward: SizedForward,
  share: number,
): void {
  if (last?.hadDrafts !== forward.hadDrafts || last.numRows === forward.numRows) return;
  const correction = CURVE_WEIGHT * share * Math.log(bounded(forward.ratio / last.ratio));
  sizes.forEach((size, i) => {
    ms[i]! *= Math.exp(correction * (nearness(size, forward.numRows) - nearness(size, last.numRows)));
  });
  // Keeps the curve non-decreasing without changing the time at the size just observed.
  const seen = sizes.findLastIndex((size) => size <= forward.numRows);
  for (let i = seen + 1; i < ms.length; i++) ms[i] = Math.max(ms[i]!, ms[i - 1] ?? 0);
  for (let i = seen - 1; i >= 0; i--) ms[i] = Math.min(ms[i]!, ms[i + 1]!);
}

/** Weight of a forward of `numRows` rows for the estimate at `size`. */
function nearness(size: number, numRows: number): number {
  return (Math.min(size, numRows) / Math.max(size, numRows)) ** 2;
}

/** Lets the corrections of drafting and of the curve fade a little, after a plain step. */
function fadeCorrections(times: ForwardTimes): void {
  const { trial, curve: { ms } } = times;
  times.draftedScale += (1 - times.draftedScale) / CORRECTION_MEMORY;
  ms.forEach((now, i) => ms[i] = now + (trial.ms[i]! - now) / CORRECTION_MEMORY);
}

/** Learns from a plain forward while drafting, if it belongs to a comparison. */
function observePlain(times: ForwardTimes, scale: number): void {
  const length = comparisonLength(times.comparisonWait), numRecovering = RECOVERY_SHARE * length;
  if (times.numPlain <= numRecovering || times.numPlain > length) return;
  // The product of both scales, the estimate of forwards while drafting, is unchanged.
  const change = 1 + COMPARISON_WEIGHT / (length - numRecovering) * (bounded(times.scale / scale) - 1);
  times.draftedScale *= change;
  times.scale /= change;
}

function bounded(ratio: number): number {
  return Math.min(MAX_RATIO, Math.max(1 / MAX_RATIO, ratio));
}
