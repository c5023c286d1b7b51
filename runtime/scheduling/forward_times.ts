/**
 * How long forwards take now: what the trials at start said, corrected by every forward since.
 *
 * @module
 */
import type { ContextCosts, CostCurve } from "../speculation_config.ts";
import { contextCost, costAt } from "./draft_budget.ts";

/** Weight of the newest forward in `scale`. */
const SCALE_WEIGHT = 1 / 16;
/** Weight of the newest forward in the curve at its own size. */
const CURVE_WEIGHT = 1 / 32;
/** A forward counts as no further off than so many times: the machine may have stood still. */
const MAX_SURPRISE = 1.5;
/**
 * Steps with drafts before some are plain for comparison though drafts pay, at first and at last, and what the wait grows
 * by. Where the drafter's weights drive the target's out of a shared cache, that takes forwards to heal: comparisons
 * grow long with the waits, and their beginning does not count.
 */
const MIN_COMPARISON_WAIT = 16, MAX_COMPARISON_WAIT = 1024, WAIT_GROWTH = 4, HEALING_SHARE = 0.75;
/** Sum of the weights of a comparison's forwards. */
const COMPARISON_WEIGHT = 1 / 2;
/** Plain steps in which comparisons are forgotten: what was too dear may not be so any more. */
const COMPARISON_MEMORY = 8192;

/** What is known of them. */
export interface ForwardTimes {
  /** By number of rows. Only how its sizes compare is learnt, how fast the machine is now is `scale`. */
  readonly curve: { readonly sizes: readonly number[]; readonly ms: number[] };
  readonly contextMs: ContextCosts;
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

/** What was computed for a sequence in a forward. */
export interface ComputedRows {
  readonly numRows: number;
  /** Tokens that these rows see, drafts aside. */
  readonly numContextTokens: number;
}

/** What the trials at start say. */
export function createForwardTimes({ sizes, ms }: CostCurve, contextMs: ContextCosts): ForwardTimes {
  return {
    curve: { sizes, ms: [...ms] },
    contextMs,
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
  const numRows = total((one) => one.numRows);
  const expected = costAt(times.curve, numRows) + contextCost(
    times.contextMs,
    total(({ numContextTokens }) => numContextTokens),
    total(({ numRows, numContextTokens }) => numRows * numContextTokens),
  );
  if (expected <= 0) return;
  const scale = forwardMs / expected;
  if (hadDrafts !== isDrafting) {
    if (isDrafting) observePlain(times, scale);
    return;
  }
  // What forwards with drafts take while drafting, and plain ones otherwise, says how fast the machine is now.
  const plain = hadDrafts ? scale / times.draftedScale : scale;
  observeSize(times, numRows, plain / times.scale);
  const weight = Math.max(SCALE_WEIGHT, 1 / (1 + times.numForwards++));
  times.scale += weight * (plain - times.scale);
  if (!hadDrafts) times.draftedScale += (1 - times.draftedScale) / COMPARISON_MEMORY;
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
  return 2 * Math.sqrt(comparisonWait);
}

/** Corrects the curve around a size whose forward took `ratio` of what was expected; the further off, the less. */
function observeSize({ curve: { sizes, ms } }: ForwardTimes, numRows: number, ratio: number): void {
  const surprise = bounded(ratio) - 1;
  sizes.forEach((size, i) => {
    const nearness = Math.min(size, numRows) / Math.max(size, numRows);
    ms[i]! *= 1 + CURVE_WEIGHT * nearness ** 2 * surprise;
  });
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
