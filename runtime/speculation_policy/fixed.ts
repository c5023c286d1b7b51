/**
 * Fixed draft policy: trees have the shape that explicit flags give them, for every sequence and in every step, whatever
 * that costs.
 *
 * @module
 */
import type { DraftTree } from "../contracts/draft_tree.ts";
import type { DraftingConfig } from "../contracts/speculation_config.ts";
import type { SpeculationUsage } from "../contracts/usage.ts";
import type {
  DraftedTrees,
  DraftLoad,
  DraftPlan,
  DraftPolicy,
  ForcedStep,
  StepLoad,
} from "../contracts/draft_policy.ts";
import { chooseForced } from "./draft_budget.ts";
import { warnByAcceptance } from "./tree_worth.ts";

/** The fixed draft policy: every sequence gets a tree of the given shape in every step. */
export class FixedPolicy implements DraftPolicy {
  readonly #config: DraftingConfig;

  constructor(config: DraftingConfig) {
    this.#config = config;
  }

  get numLevels(): number {
    return this.#config.numSteps;
  }

  plan({ canDraft, candidates }: DraftLoad): DraftPlan | undefined {
    if (!canDraft || candidates.length === 0 || this.numLevels === 0) return undefined;
    return { numLevels: this.numLevels, candidates: [...candidates.keys()] };
  }

  /** Keeps all trees unpruned. */
  select(_plan: DraftPlan, { trees }: DraftedTrees): readonly DraftTree[] {
    return trees;
  }

  /** As many as pay by the costs measured at start: no flag asks for forced tokens. */
  numForced(load: StepLoad, step: ForcedStep): number {
    const costs = { ...this.#config, draftScale: 1, draftedScale: 1, overheadMs: 0 };
    return chooseForced(costs, load, step, this.#config.numNodes);
  }

  /** Ignores outcomes: the shape is given. */
  observe(): void {}

  warning(usage: SpeculationUsage, numSequences: number): string | undefined {
    return warnByAcceptance(this.#config, usage, numSequences);
  }
}
