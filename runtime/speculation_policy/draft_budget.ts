/**
 * Draft budget: how many levels to draft and how many nodes to verify, as many as make tokens come fastest, by measured
 * costs and expected gains.
 *
 * @module
 */
import {
  type ContextCosts,
  type CostCurve,
  type DraftCosts,
  NUM_TRIAL_TOKENS,
} from "../contracts/speculation_config.ts";
import type { ForcedStep, StepLoad } from "../contracts/draft_policy.ts";

/** Share of a plain step's time up to which drafting counts as free: less than steps differ by anyway. */
const NEGLIGIBLE_SHARE = 0.01;

/**
 * Probability that a forced token is accepted if the one before it is: the model may split the text that a grammar forces
 * into other tokens than the tokenizer does.
 */
const FORCED_RATE = 0.9;

/** Measured costs, with scales that correct them to the present. */
export interface Costs {
  readonly forwardMs: CostCurve;
  readonly contextMs: ContextCosts;
  readonly draftMs: DraftCosts;
  /** Ratio of drafting time to its measured time, relative to the same ratio of forwards. */
  readonly draftScale: number;
  /** Ratio of the time of forwards while drafting to that of plain forwards. */
  readonly draftedScale: number;
  /** Overhead of a step beside its forward (messages, arrays), in the unit of forwards. */
  readonly overheadMs: number;
}

/** Time at `size` on a curve, milliseconds: linear interpolation, and extrapolation beyond its ends, never below 0. */
export function costAt({ sizes, ms }: CostCurve, size: number): number {
  if (sizes.length === 1) return ms[0]!;
  const next = sizes.findIndex((known) => known >= size);
  const right = next < 0 ? sizes.length - 1 : Math.max(1, next), left = right - 1;
  const slope = (ms[right]! - ms[left]!) / (sizes[right]! - sizes[left]!);
  return Math.max(0, ms[left]! + slope * (size - sizes[left]!));
}

/** Time to draft trees of `numLevels` for `numSequences`. */
export function draftCost(
  { draftMs, draftScale }: Pick<Costs, "draftMs" | "draftScale">,
  numSequences: number,
  numLevels: number,
): number {
  if (numLevels === 0 || numSequences === 0) return 0;
  const { firstMs, levelMs } = draftMs;
  return draftScale * (costAt(firstMs, numSequences) + (numLevels - 1) * costAt(levelMs, numSequences));
}

/**
 * Time of draft extend for `numPending` tokens of a sequence, beyond those that the cost curves of drafting include.
 */
export function extendCost(
  { draftMs: { tokenMs }, draftScale }: Pick<Costs, "draftMs" | "draftScale">,
  numPending: number,
): number {
  return draftScale * tokenMs * Math.max(0, numPending - NUM_TRIAL_TOKENS);
}

/**
 * Time of a step that verifies `numNodes` nodes, the rows of prompts included. A step without nodes is a plain one, or
 * `drafted` if its drafts were discarded.
 */
export function stepCost(
  { forwardMs, draftedScale, contextMs, overheadMs }: Costs,
  { numDecoding, numPrefillRows, numContextTokens, draftable }: StepLoad,
  numNodes = 0,
  drafted = numNodes > 0,
): number {
  // Assumes that nodes spread evenly over the sequences that may have some.
  const nodesEach = numNodes / Math.max(1, draftable.numSequences), numRows = numDecoding + numNodes;
  const numSeenByNodes = nodesEach * draftable.numContextTokens;
  const forContext = contextCost(contextMs, numContextTokens, numContextTokens + numSeenByNodes);
  const slowdownMs = drafted ? (draftedScale - 1) * (costAt(forwardMs, numRows) + forContext) : 0;
  return overheadMs + costAt(forwardMs, numPrefillRows + numRows) + forContext + slowdownMs;
}

/** Time of such a step minus the time that the rows of prompts alone would take. */
function verifyCost(costs: Costs, step: StepLoad, numNodes: number, drafted: boolean): number {
  const alone = step.numPrefillRows === 0 ? 0 : costAt(costs.forwardMs, step.numPrefillRows);
  return stepCost(costs, step, numNodes, drafted) - alone;
}

/** Time that contexts add to a forward, milliseconds: each row reads the context of its sequence. */
export function contextCost(
  { perSequence, perRow }: ContextCosts,
  numContextTokens: number,
  numSeenByRows: number,
): number {
  return perSequence * numContextTokens + perRow * numSeenByRows;
}

/** True if trees of `maxLevels` cost a negligible share of a step, so that there is nothing to choose. */
export function isFree(costs: Costs, step: StepLoad, maxLevels: number): boolean {
  return draftCost(costs, step.draftable.numSequences, maxLevels) <=
    NEGLIGIBLE_SHARE * verifyCost(costs, step, 0, false);
}

/**
 * Levels, up to `maxLevels`, that promise the most tokens per time; 0 is plain decoding. Drafts that cost next to
 * nothing are always made, since those that do not pay need not be verified.
 *
 * @param expect accepted drafts and nodes of an average tree, by its number of levels
 * @param extraMs what drafting costs besides, whatever the levels, while each sequence yields a token
 */
export function chooseLevels(
  costs: Costs,
  step: StepLoad,
  maxLevels: number,
  expect: (numLevels: number) => { readonly accepted: number; readonly nodes: number },
  extraMs = 0,
): number {
  if (isFree(costs, step, maxLevels)) return maxLevels;
  const { numDecoding, draftable: { numSequences: numTrees } } = step;
  let best = 0, bestRate = 0;
  for (let levels = 0; levels <= maxLevels; levels++) {
    const { accepted, nodes } = expect(levels);
    const ms = draftCost(costs, numTrees, levels) + (levels > 0 ? extraMs * (1 + accepted) : 0) +
      verifyCost(costs, step, numTrees * nodes, levels > 0);
    const rate = (numDecoding + numTrees * accepted) / ms;
    if (rate > bestRate) [best, bestRate] = [levels, rate];
  }
  return best;
}

/** Extra time of a probe, in the unit of `costs`: drafts of `numLevels` where `numPaying` pay, and a node more. */
export function probeCost(
  costs: Costs,
  step: StepLoad,
  { numPaying, numLevels, numPending }: {
    readonly numPaying: number;
    readonly numLevels: number;
    /** Pending draft tokens of the sequence that has the fewest. */
    readonly numPending: number;
  },
): number {
  // A probe while nothing pays drafts for one sequence only; otherwise draft extend is due anyway.
  const isIdle = numPaying === 0, numAsked = isIdle ? 1 : step.draftable.numSequences;
  const draftMs = draftCost(costs, numAsked, numLevels) - draftCost(costs, numAsked, numPaying);
  const extendMs = isIdle ? extendCost(costs, numPending) : 0;
  const nodeMs = verifyCost(costs, step, 1, !isIdle) - verifyCost(costs, step, 0, !isIdle);
  return draftMs + extendMs + nodeMs;
}

/**
 * How many nodes to verify, those of highest probability first, wherever they are: as many as make tokens come fastest,
 * the time already spent on drafting included.
 *
 * @param probabilities of all nodes of all trees, descending
 */
export function chooseNodes(
  costs: Costs,
  step: StepLoad,
  spentMs: number,
  probabilities: readonly number[],
): number {
  let best = 0, accepted = 0;
  let bestRate = step.numDecoding / (spentMs + verifyCost(costs, step, 0, true));
  probabilities.forEach((probability, i) => {
    accepted += probability;
    const rate = (step.numDecoding + accepted) / (spentMs + verifyCost(costs, step, i + 1, true));
    if (rate > bestRate) [best, bestRate] = [i + 1, rate];
  });
  return best;
}

/**
 * How many forced tokens to verify per sequence, `max` at most, if all of the sequences that may have some have as many: as
 * many as make tokens come fastest.
 */
export function chooseForced(
  costs: Costs,
  load: StepLoad,
  { numNodes, numSequences, hasDrafts }: ForcedStep,
  max: number,
): number {
  let best = 0, bestRate = 0, numTokens = load.numDecoding;
  for (let forced = 0; forced <= max; forced++) {
    if (forced > 0) numTokens += numSequences * FORCED_RATE ** forced;
    const rate = numTokens / stepCost(costs, load, numNodes + forced * numSequences, hasDrafts);
    if (rate > bestRate) [best, bestRate] = [forced, rate];
  }
  return best;
}
