/**
 * The adaptive policy's decision how deep to draft: the depth that makes tokens come fastest, a comparison with plain
 * steps, or a probe one level deeper.
 *
 * @module
 */
import type { DraftingConfig } from "../contracts/speculation_config.ts";
import { chooseLevels, extendCost, isFree, probeCost, stepCost } from "./draft_budget.ts";
import type { DraftCandidate, DraftLoad } from "../contracts/draft_policy.ts";
import { beginDrafting, comparisonPhase, endComparison } from "./forward_times.ts";
import { acceptanceOf, costsOf, type PolicyState } from "./policy_state.ts";
import { isDue } from "./probing.ts";

/** Tokens at most within which draft extend has to pay for itself: a sequence may end sooner than it must. */
const MAX_PAYBACK_TOKENS = 256;
/** Steps from a decision that nothing pays to the next: a decision takes about 1 % of a step of a small model. */
const COOLDOWN_STEPS = 8;

/** How deep to draft, and why. */
export interface Decision {
  /** Levels that pay. */
  readonly numPaying: number;
  /** Levels to draft: those that pay, 0 for a comparison, or one more for a probe. */
  readonly numLevels: number;
  /** True for a probe: one level and one node more than pay are drafted and verified, to observe their acceptance. */
  readonly isProbe: boolean;
  /** Whether drafts pay and can be compared with plain steps. */
  readonly canCompare: boolean;
  /** True if the decision used the acceptance statistics of this load. */
  readonly usedAcceptance: boolean;
}

/**
 * True while speculation is in cooldown: after a step where no depth paid, the next ones skip the decision. A change in
 * the number of decoding sequences ends the cooldown.
 */
export function isCoolingDown({ cooldown }: PolicyState, numDecoding: number): boolean {
  return cooldown.numSteps > 0 && cooldown.numDecoding === numDecoding;
}

/** Decides by the policy state; a query. */
export function decide(config: DraftingConfig, state: PolicyState, load: DraftLoad): Decision {
  const { candidates } = load, costs = costsOf(config, state);
  const extendMs = candidates.reduce(
    (sum, candidate) => sum + extendCost(costs, candidate.numPending) / paybackTokens(candidate),
    0,
  );
  const numPaying = chooseLevels(
    costs,
    load,
    config.numSteps,
    (levels) => expectedDrafts(state, load, levels),
    extendMs,
  );
  const areFree = isFree(costs, load, config.numSteps), usedAcceptance = !areFree;
  const canCompare = numPaying > 0 && load.numPrefillRows === 0 && !areFree;
  if (canCompare && comparisonPhase(state.forwards, beginsToPay(state, numPaying)) === "comparing") {
    return { numPaying, numLevels: 0, isProbe: false, canCompare, usedAcceptance };
  }
  const deeper = Math.min(numPaying + 1, config.numSteps), isIdle = numPaying === 0;
  const numPending = Math.min(...candidates.map((candidate) => candidate.numPending));
  const probeMs = probeCost(costs, load, { numPaying, numLevels: deeper, numPending });
  const isProbe = isDue(state.probing, { isIdle, probeMs, plainMs: stepCost(costs, load) });
  return { numPaying, numLevels: isProbe ? deeper : numPaying, isProbe, canCompare, usedAcceptance };
}

/** Observes a decision. */
export function observeDecision(state: PolicyState, load: DraftLoad, decision: Decision): void {
  const { forwards, probing, cooldown } = state, { numPaying, isProbe } = decision;
  cooldown.numSteps = 0;
  if (decision.usedAcceptance) {
    for (const candidate of load.candidates) acceptanceOf(state, candidate).remember(load.numDecoding);
  }
  if (beginsToPay(state, numPaying)) beginDrafting(forwards);
  state.numLevels = numPaying;
  if (decision.canCompare) {
    const phase = comparisonPhase(forwards);
    if (phase === "comparing") return;
    if (phase === "over") endComparison(forwards);
  }
  probing.numSince++;
  cooldown.numSteps = numPaying === 0 && !isProbe ? COOLDOWN_STEPS - 1 : 0;
  cooldown.numDecoding = load.numDecoding;
}

/** Observes a step in cooldown, which had no decision. */
export function observeCooldown({ cooldown, probing }: PolicyState): void {
  cooldown.numSteps--;
  probing.numSince++;
}

function beginsToPay({ numLevels }: PolicyState, numPaying: number): boolean {
  return numPaying > 0 && numLevels === 0;
}

/** Accepted drafts and nodes of an average tree of `numLevels`. */
function expectedDrafts(
  state: PolicyState,
  { candidates, numDecoding }: DraftLoad,
  numLevels: number,
): { readonly accepted: number; readonly nodes: number } {
  const mean = { accepted: 0, nodes: 0 };
  for (const [acceptance, { length }] of Map.groupBy(candidates, (one) => acceptanceOf(state, one))) {
    const { accepted, nodes } = acceptance.expect(numLevels, numDecoding);
    mean.accepted += accepted * length / candidates.length;
    mean.nodes += nodes * length / candidates.length;
  }
  return mean;
}

function paybackTokens({ numTokensLeft }: DraftCandidate): number {
  return Math.min(MAX_PAYBACK_TOKENS, Math.max(1, numTokensLeft));
}
