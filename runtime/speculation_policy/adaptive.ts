/**
 * Adaptive draft policy: drafts as much as makes tokens come fastest, by measured costs and by how often drafts were
 * accepted, down to plain decoding.
 *
 * @module
 */
import { type DraftTree, pruneTree } from "../contracts/draft_tree.ts";
import type { DraftingConfig } from "../contracts/speculation_config.ts";
import { decide, type Decision, isCoolingDown, observeCooldown, observeDecision } from "./decision.ts";
import { chooseForced, chooseNodes, draftCost, extendCost, stepCost } from "./draft_budget.ts";
import type {
  DecodeForward,
  DraftedTrees,
  DraftLoad,
  DraftOutcome,
  DraftPlan,
  DraftPolicy,
  ForcedStep,
  StepLoad,
  StepOutcome,
} from "../contracts/draft_policy.ts";
import { observeForward } from "./forward_times.ts";
import {
  acceptanceOf,
  costsOf,
  createPolicyState,
  observeDraftTime,
  observeOverhead,
  type PolicyState,
} from "./policy_state.ts";
import { observeProbe } from "./probing.ts";

/** A plan with the decision behind it. */
export interface AdaptivePlan extends DraftPlan {
  readonly load: DraftLoad;
  readonly decision: Decision;
}

/** The adaptive draft policy: maximizes tokens per time by measured costs and observed acceptance. */
export class AdaptivePolicy implements DraftPolicy {
  /** Policy state; only `observe` changes it. */
  readonly state: PolicyState;
  readonly #config: DraftingConfig;

  constructor(config: DraftingConfig) {
    this.#config = config;
    this.state = createPolicyState(config);
  }

  get numLevels(): number {
    return this.state.numLevels;
  }

  plan(load: DraftLoad): AdaptivePlan | undefined {
    if (isCoolingDown(this.state, load.numDecoding) || !isDecidable(load)) return undefined;
    const decision = decide(this.#config, this.state, load), { numLevels, isProbe, numPaying } = decision;
    if (numLevels === 0) return undefined;
    const all = [...load.candidates.keys()];
    // A probe while nothing pays drafts for one sequence only, the one with the fewest pending draft tokens.
    const candidates = isProbe && numPaying === 0 ? [leastPending(load)] : all;
    return { numLevels, candidates, load, decision };
  }

  /** Prunes the trees to the nodes that pay, chosen over all trees together. */
  select(plan: AdaptivePlan, drafted: DraftedTrees): readonly DraftTree[] {
    const { candidates, trees, load } = drafted;
    const calibrated = trees.map((tree, i) =>
      acceptanceOf(this.state, plan.load.candidates[candidates[i]!]!).calibrate(tree)
    );
    const all = calibrated.flatMap((probabilities) => [...probabilities]).sort((a, b) => b - a);
    const costs = costsOf(this.#config, this.state);
    const best = chooseNodes(costs, load, this.#spentOn(plan, drafted), all);
    const numNodes = Math.min(all.length, best + Number(plan.decision.isProbe));
    const least = all[numNodes - 1] ?? Infinity;
    let numTied = all.slice(0, numNodes).filter((probability) => probability === least).length;
    return trees.map((tree, i) => {
      const keeps = (probability: number) => probability > least || (probability === least && numTied-- > 0);
      return pruneTree(tree, (node) => keeps(calibrated[i]![node]!));
    });
  }

  numForced(load: StepLoad, step: ForcedStep): number {
    return chooseForced(costsOf(this.#config, this.state), load, step, this.#config.numNodes);
  }

  observe(outcome: StepOutcome | DraftOutcome & { readonly plan: AdaptivePlan }): void {
    if (outcome.type === "drafted") return this.#observeDrafts(outcome.plan, outcome.drafted);
    const { undrafted, forward, verified } = outcome;
    if (undrafted) this.#observeUndrafted(undrafted);
    if (forward) this.#observeForward(forward);
    for (const draft of verified) acceptanceOf(this.state, draft).observe(draft);
  }

  /** No warning: drafts that do not pay are not made. */
  warning(): undefined {}

  #observeUndrafted(load: DraftLoad): void {
    const { state } = this;
    if (isCoolingDown(state, load.numDecoding)) return observeCooldown(state);
    state.cooldown.numSteps = 0;
    if (isDecidable(load)) observeDecision(state, load, decide(this.#config, state, load));
  }

  #observeDrafts(plan: AdaptivePlan, drafted: DraftedTrees): void {
    const { state } = this, { load, decision } = plan, { draftMs } = drafted;
    observeDecision(state, load, decision);
    const isIdle = decision.numPaying === 0, { treesMs, extendMs } = this.#expectedMs(plan, drafted);
    if (decision.isProbe) {
      state.probing.numSince = 0;
      const [first] = drafted.candidates;
      if (isIdle) acceptanceOf(state, load.candidates[first!]!).age(load.numDecoding);
    }
    if (isUsual(plan, drafted)) observeDraftTime(state, draftMs, treesMs + extendMs);
    if (decision.isProbe) {
      const costs = costsOf(this.#config, state), step = { ...drafted.load, numPrefillRows: 0 };
      const plainMs = state.forwards.scale * stepCost(costs, step);
      observeProbe(state.probing, { isIdle, probeMs: draftMs, plainMs });
    }
  }

  #observeForward({ computed, forwardMs, roundTripMs, hadDrafts }: DecodeForward): void {
    const { state } = this;
    observeOverhead(state, roundTripMs - forwardMs);
    observeForward(state.forwards, computed, { forwardMs, isDrafting: state.numLevels > 0, hadDrafts });
  }

  /** Expected time for the trees, and for draft extend, by the costs measured at start, milliseconds. */
  #expectedMs({ load, numLevels }: AdaptivePlan, { candidates }: DraftedTrees) {
    const costs = { draftMs: this.#config.draftMs, draftScale: 1 };
    return {
      treesMs: draftCost(costs, candidates.length, numLevels),
      extendMs: candidates.reduce((sum, i) => sum + extendCost(costs, load.candidates[i]!.numPending), 0),
    };
  }

  /**
   * Time spent on growing the trees, in units of a forward's; draft extend is not charged, since later steps need it
   * too.
   */
  #spentOn(plan: AdaptivePlan, drafted: DraftedTrees): number {
    const { treesMs, extendMs } = this.#expectedMs(plan, drafted), expectedMs = treesMs + extendMs;
    const { draftScale, forwards } = this.state, share = expectedMs > 0 ? treesMs / expectedMs : 1;
    return (isUsual(plan, drafted) ? share * drafted.draftMs : treesMs * draftScale) / forwards.scale;
  }
}

function isDecidable({ numDecoding, canDraft, candidates }: DraftLoad): boolean {
  return numDecoding > 0 && canDraft && candidates.length > 0;
}

/** Index of the candidate with the fewest pending draft tokens, the first of equals. */
function leastPending({ candidates }: DraftLoad): number {
  return candidates.reduce(
    (least, { numPending }, i) => numPending < candidates[least]!.numPending ? i : least,
    0,
  );
}

/**
 * True if the drafter had drafted for all sequences before. The first draft of a sequence reads its prompt, or takes
 * its draft KV from the prefix cache: its time does not predict that of others.
 */
function isUsual({ load }: AdaptivePlan, { candidates }: DraftedTrees): boolean {
  return candidates.every((i) => load.candidates[i]!.wasDrafted);
}
