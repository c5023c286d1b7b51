/**
 * Draft policy: decides before each step how deep to draft and for which sequences, then which nodes to verify, and
 * learns from what came of it. The scheduler holds one policy and knows no implementation.
 *
 * @module
 */
import type { DraftTree } from "./draft_tree.ts";
import type { SpeculationUsage } from "./usage.ts";

/** A decoding sequence that drafts could be made for. */
export interface DraftCandidate {
  /** Drawn at a temperature above 0: drafts are accepted less often than those of greedy tokens. */
  readonly isSampled: boolean;
  /** Whether drafts were made for it since it was admitted. */
  readonly wasDrafted: boolean;
  /** Pending draft tokens: those that the drafter has to read (draft extend) before it can draft. */
  readonly numPending: number;
  /** Tokens that it generates at most from now on. */
  readonly numTokensLeft: number;
}

/** The rows of the next step without any drafts. */
export interface StepLoad {
  /** Decoding sequences: each has one row and yields one token. */
  readonly numDecoding: number;
  /** Prompt rows that share the forward. Their own cost is not charged to speculation. */
  readonly numPrefillRows: number;
  /** Context tokens of all decoding sequences. */
  readonly numContextTokens: number;
  /** The decoding sequences that drafts may be made for: all but those whose requests are decoded plainly. */
  readonly draftable: { readonly numSequences: number; readonly numContextTokens: number };
}

/** Load: what a policy plans for. Its fields may be computed when first read, and never change. */
export interface DraftLoad extends StepLoad {
  /** False if the pool is so full that a sequence would have to be preempted to draft. */
  readonly canDraft: boolean;
  /** The draftable sequences; without any the step is a plain one. */
  readonly candidates: readonly DraftCandidate[];
}

/** Trees to be drafted. */
export interface DraftPlan {
  /** Levels of a tree at most. */
  readonly numLevels: number;
  /** Sequences to draft for, as indices into the load's `candidates`. */
  readonly candidates: readonly number[];
}

/** Trees that the drafter grew for a plan. */
export interface DraftedTrees {
  /** Candidates that have a tree: those of the plan that had pages and tokens left. */
  readonly candidates: readonly number[];
  /** A tree for each; empty where the sequence has ended meanwhile. */
  readonly trees: readonly DraftTree[];
  /** Time from the plan until the trees were here, milliseconds, messages included. */
  readonly draftMs: number;
  /** The step that can verify them, as it stands now. */
  readonly load: StepLoad;
}

/** What a forward computed for one sequence. */
export interface ComputedRows {
  /** Rows, drafts included. */
  readonly numRows: number;
  /** Tokens that each of these rows sees, drafts aside. */
  readonly numContextTokens: number;
}

/** A step whose constrained sequences may have forced tokens. */
export interface ForcedStep {
  /** Nodes of all trees that are to be verified anyway. */
  readonly numNodes: number;
  /** Sequences that may have forced tokens. */
  readonly numSequences: number;
  /** Drafts were made for the step. */
  readonly hasDrafts: boolean;
}

/** A tree that was verified. */
export interface VerifiedDraft {
  /** The drafts that were verified, forced tokens aside; empty if no node was worth it. */
  readonly tree: DraftTree;
  /** Levels that were asked for. */
  readonly numLevels: number;
  /** Sequences that decoded in the same step. */
  readonly numDecoding: number;
  /** As in {@linkcode DraftCandidate}. */
  readonly isSampled: boolean;
  /** Accepted nodes, in the order of their path. */
  readonly accepted: Int32Array;
}

/** Trees were drafted as planned. */
export interface DraftOutcome {
  /** Discriminates. */
  readonly type: "drafted";
  /** As {@linkcode DraftPolicy.plan} answered it. */
  readonly plan: DraftPlan;
  /** What came of it. */
  readonly drafted: DraftedTrees;
}

/** A step is over. */
export interface StepOutcome {
  /** Discriminates. */
  readonly type: "stepped";
  /** What the policy was asked about before the step; undefined if a {@linkcode DraftOutcome} followed. */
  readonly undrafted: DraftLoad | undefined;
  /** Its forward; undefined if that read prompts, and so says nothing about decoding. */
  readonly forward: DecodeForward | undefined;
  /** Its trees. */
  readonly verified: readonly VerifiedDraft[];
}

/** A forward of decoding sequences alone. */
export interface DecodeForward {
  /** By sequence. */
  readonly computed: readonly ComputedRows[];
  /** Time in native code, milliseconds. */
  readonly forwardMs: number;
  /** Time from the command to its outcome, milliseconds. */
  readonly roundTripMs: number;
  /** Whether drafts were made for it, verified or not. */
  readonly hadDrafts: boolean;
}

/**
 * The policy. `plan`, `select` and the others are queries: asked twice they answer the same, and change nothing.
 * `observe` alone writes, and wants every outcome, in order.
 */
export interface DraftPolicy {
  /** Levels that trees have now, probes aside; 0 while drafts do not pay. */
  readonly numLevels: number;
  /** Which sequences to draft for, and how deep; undefined for a plain step. */
  plan(load: DraftLoad): DraftPlan | undefined;
  /** Prunes each tree to the nodes that are worth verifying, maybe none. Asked after the `drafted` outcome was observed. */
  select(plan: DraftPlan, drafted: DraftedTrees): readonly DraftTree[];
  /**
   * Forced tokens per sequence that are worth verifying, drafts counted: tokens that the grammar of a constrained sequence
   * leaves no choice about, so that they are nearly always accepted.
   */
  numForced(load: StepLoad, step: ForcedStep): number;
  /** Learns from an outcome. */
  observe(outcome: DraftOutcome | StepOutcome): void;
  /**
   * Warning for the log if drafts do not pay as they were accepted so far, by `usage`, while `numSequences` are drafted for
   * together; undefined if they pay, or the policy leaves out those that do not.
   */
  warning(usage: SpeculationUsage, numSequences: number): string | undefined;
}
