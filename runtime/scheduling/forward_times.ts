/**
 * How long forwards of decoding sequences take now: what the trials at start said, corrected by those since.
 *
 * @module
 */
import type { ContextCosts, CostCurve } from "../contracts/speculation_config.ts";
import { contextCost, costAt } from "./draft_budget.ts";

/** Weight of the newest forward in `scale`. */
const SCALE_WEIGHT = 1 / 16;
/** Weight of two successive forwards of different sizes in the curve. */
const CURVE_WEIGHT = 1 / 32;
/** A comparison counts as no further off than so many times: the machine may have stood still. */
const MAX_SURPRISE = 1.5;
/**
 * Steps with drafts before some are plain for comparison though drafts pay, at first and at last, and what the wait grows
 * by. Where drafting drives the target's weights out of a shared cache, that takes tens of forwards to heal: comparisons
 * grow with the root of the wait, and their beginning does not count.
 */
const MIN_COMPARISON_WAIT = 16, MAX_COMPARISON_WAIT = 4096, WAIT_GROWTH = 4;
const LENGTH_PER_ROOT = 4, HEALING_SHARE = 0.75;
/** Sum of the weights of a comparison's forwards. */
const COMPARISON_WEIGHT = 1 / 2;
/** Plain steps in which what drafting showed is forgotten: what was too dear may not be so any more. */
const COMPARISON_MEMORY = 8192;

/** What forwards take, and what that was learnt from. */
export interface ForwardTimes {
  /** By number of rows, as tried at start. */
  readonly trial: CostCurve;
  /** The same, corrected by how sizes compare; how fast the machine is now is `scale`. */
  readonly curve: { readonly sizes: readonly number[]; readonly ms: number[] };
  readonly contextMs: ContextCosts;
  /** The last forward: its rows and measured over expected time. */
  last: SizedForward | undefined;
  /** Moving average of measured over expected time. */
  scale: number;
  /** The same of forwards while drafting, over that of plain ones. */
  draftedScale: number;
  /** Forwards that `scale` comes from. */
  numForwards: number;
  /** Steps without drafts since there was one with some. */
  numPlain: number;
  /** Steps with drafts since the last comparison. */
  numSinceComparison: number;
  comparisonWait: number;
}

/** A forward to compare others with. */
interface SizedForward {
  readonly numRows: number;
  readonly hadDrafts: boolean;
  /** Measured over expected time. */
  readonly ratio: number;
}

/** What was computed for a sequence in a forward. */
export interface ComputedRows {
  readonly numRows: number;
  /** Tokens that these rows see, drafts aside. */
  readonly numContextTokens: number;
}

/** What the trials at start say. */
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
  // What forwards with drafts take while drafting, and plain ones otherwise, says how fast the machine is now.
  const plain = hadDrafts ? ratio / times.draftedScale : ratio;
  const weight = Math.max(SCALE_WEIGHT, 1 / (1 + times.numForwards++));
  times.scale += weight * (plain - times.scale);
  if (!hadDrafts) forgetDrafting(times);
}

/** Whether a step is to be plain, for comparison, though drafts pay. */
export function isToCompare(times: ForwardTimes): boolean {
  if (times.numSinceComparison < times.comparisonWait) return false;
  if (times.numPlain < comparisonLength(times)) return true;
  times.numSinceComparison = 0;
  times.comparisonWait = Math.min(WAIT_GROWTH * times.comparisonWait, MAX_COMPARISON_WAIT);
  return false;
}

/** Drafts begin to pay: comparisons are frequent again. */
export function beginDrafting(times: ForwardTimes): void {
  times.comparisonWait = MIN_COMPARISON_WAIT;
}

/** Plain steps of the next comparison. */
function comparisonLength({ comparisonWait }: ForwardTimes): number {
  return LENGTH_PER_ROOT * Math.sqrt(comparisonWait);
}

/**
 * Corrects the curve by what a forward took over the one before it, of another size: how fast the machine is cancels out.
 *
 * @param share of the time that is the rows', the rest is the contexts'
 */
function compareSizes(
  { curve: { sizes, ms }, last }: ForwardTimes,
  forward: SizedForward,
  share: number,
): void {
  if (last?.hadDrafts !== forward.hadDrafts || last.numRows === forward.numRows) return;
  const surprise = CURVE_WEIGHT * share * Math.log(bounded(forward.ratio / last.ratio));
  sizes.forEach((size, i) => {
    ms[i]! *= Math.exp(surprise * (nearness(size, forward.numRows) - nearness(size, last.numRows)));
  });
  // Fewer rows never cost more; what was just seen stays.
  const seen = sizes.findLastIndex((size) => size <= forward.numRows);
  for (let i = seen + 1; i < ms.length; i++) ms[i] = Math.max(ms[i]!, ms[i - 1] ?? 0);
  for (let i = seen - 1; i >= 0; i--) ms[i] = Math.min(ms[i]!, ms[i + 1]!);
}

/** How much a forward of `numRows` says about those of `size`. */
function nearness(size: number, numRows: number): number {
  return (Math.min(size, numRows) / Math.max(size, numRows)) ** 2;
}

/** A plain step takes what is known of drafting a little back to what the trials said. */
function forgetDrafting(times: ForwardTimes): void {
  const { trial, curve: { ms } } = times;
  times.draftedScale += (1 - times.draftedScale) / COMPARISON_MEMORY;
  ms.forEach((now, i) => ms[i] = now + (trial.ms[i]! - now) / COMPARISON_MEMORY);
}

/** Learns from a plain forward while drafting, if it belongs to a comparison. */
function observePlain(times: ForwardTimes, scale: number): void {
  const length = comparisonLength(times), numHealing = HEALING_SHARE * length;
  if (times.numPlain <= numHealing || times.numPlain > length) return;
  // What is known of forwards while drafting, the product, stays.
  const change = 1 + COMPARISON_WEIGHT / (length - numHealing) * (bounded(times.scale / scale) - 1);
  times.draftedScale *= change;
  times.scale /= change;
}

function bounded(ratio: number): number {
  return Math.min(MAX_SURPRISE, Math.max(1 / MAX_SURPRISE, ratio));
}
