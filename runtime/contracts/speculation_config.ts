/**
 * Configuration records of speculation: plain data that the actors' records in `config.ts` contain.
 *
 * @module
 */
import type { Checkpoint } from "./checkpoint.ts";

/** Nodes of a draft tree at most, its root counted: one bit of a mask each. */
export const MAX_DRAFT_TOKENS = 64;

/** How drafts are made and verified: the `--speculative-...` flags, completed. */
export interface SpeculationConfig {
  /** Name of an entry of `speculation/registry.ts`. */
  readonly algorithm: string;
  /** Levels of a tree at most. */
  readonly numSteps: number;
  /** Children of a node at most, and nodes kept per level. */
  readonly topk: number;
  /** Nodes of a tree at most, its root counted. */
  readonly numDraftTokens: number;
  /** Size the trees by measured cost and gain, up to the above; otherwise always the above. */
  readonly adaptive: boolean;
  /** The draft model, of proposers that need one. */
  readonly draft: Checkpoint | undefined;
  /** The draft head, of proposers that need one. */
  readonly head: HeadCheckpoint | undefined;
  /** Tokens the draft model may propose (FR-Spec), as target ids. */
  readonly hotTokens: Int32Array | undefined;
  /** Undefined: exact. */
  readonly acceptThresholds: AcceptThresholds | undefined;
  /** How n-grams are matched. */
  readonly ngram: NgramConfig;
  /** How often a synthetic draft at depth 1, 2, ... is right, given that its parent is; the last rate goes on. */
  readonly syntheticAcceptance: readonly number[];
}

/** The shape of a draft tree at most. */
export type TreeShape = Pick<SpeculationConfig, "numSteps" | "topk" | "numDraftTokens">;

/** Draft heads by how they compute; `speculation/` has a file for each. */
export type HeadKind = "eagle" | "eagle3" | "mtp";

/** What a draft head is beyond the sizes of its layers. */
export interface HeadConfig {
  /** How it computes. */
  readonly kind: HeadKind;
  /** Hidden states of the target that it takes, as `VerifierConfig.featureLayers`. */
  readonly featureLayers: readonly number[];
  /** Target id of each draft id; undefined if the head has the target's vocabulary. */
  readonly draftTokens: Int32Array | undefined;
  /** EAGLE-3: the residual is the normed state instead of the state. */
  readonly normBeforeResidual: boolean;
  /** The state fed back is the normed one that the LM head takes: always with MTP, rarely with EAGLE-3. */
  readonly normOutput: boolean;
}

/**
 * A draft head on disk. Tensor names are EAGLE's without prefix: `fc`, `layers.0.`, `norm`, `lm_head`, `embed_tokens`,
 * `fc_norm.0`; an MTP layer has its `input_proj`, `token_layernorm`, `hidden_layernorm` and `final_layernorm` below
 * `layers.0.`, too. `config` is the head's: its width, its layers, its vocabulary.
 */
export interface HeadCheckpoint extends Checkpoint {
  /** What a head has beyond a model: its kind, its features and its vocabulary. */
  readonly head: HeadConfig;
}

/**
 * Thresholds of SGLang's threshold acceptance. Lossy: below 1, sampled output no longer follows the target's
 * distribution.
 */
export interface AcceptThresholds {
  /** Accept a draft whose probability is at least this. */
  readonly single: number;
  /** Divides the probability of the drafts at a node before the draw. */
  readonly acc: number;
}

/** How n-grams are matched, and how many continuations a match brings. */
export interface NgramConfig {
  /** Children per node, from the narrowest to the widest match. */
  readonly minBreadth: number;
  /** Children per node of the widest match. */
  readonly maxBreadth: number;
  /** Children in order of recency or of frequency. */
  readonly matchType: "BFS" | "PROB";
  /** Tokens of a path in the trie. */
  readonly maxDepth: number;
  /** Nodes of the trie at most. */
  readonly capacity: number;
}

/** Measured times at rising sizes, with straight lines between them. */
export interface CostCurve {
  /** Rising. */
  readonly sizes: readonly number[];
  /** Milliseconds, one per size. */
  readonly ms: readonly number[];
}

/** What a forward takes beyond its {@linkcode CostCurve} for every token of a sequence's context, milliseconds. */
export interface ContextCosts {
  /** Once for the sequence. */
  readonly perSequence: number;
  /** For each of its rows. */
  readonly perRow: number;
}

/** Tokens that a sequence brings in the trials of {@linkcode DraftCosts}' curves, about as many as a verification yields. */
export const NUM_TRIAL_TOKENS = 2;

/** What drafting costs, by number of sequences. */
export interface DraftCosts {
  /** Trees of one level. */
  readonly firstMs: CostCurve;
  /** Every further level. */
  readonly levelMs: CostCurve;
  /** Every token of a sequence beyond {@linkcode NUM_TRIAL_TOKENS} that the drafter has not processed yet. */
  readonly tokenMs: number;
}

/** Native handles of a loaded target, valid in every Worker of the process; 0 is none. */
export interface TargetHandles {
  /** Native context that owns them. */
  readonly context: number;
  /** [vocabSize, hiddenSize]. */
  readonly embedding: number;
  /** [vocabSize, hiddenSize]; the embedding if tied. */
  readonly lmHead: number;
  /** [numPages * pageSize, featureLayers * hiddenSize], one row per KV slot. */
  readonly features: number;
}

/** What the scheduler knows of speculation. */
export interface DraftingConfig {
  /** Levels of a tree at most. */
  readonly numSteps: number;
  /** Children of a node at most. */
  readonly topk: number;
  /** Nodes of a tree at most, its root not counted. */
  readonly numNodes: number;
  /** Choose levels and nodes by cost and gain, up to the above; otherwise always the above. */
  readonly adaptive: boolean;
  /** A page is cached under its tokens and the one after them, as draft KV depends on that one too. */
  readonly keyIncludesNextToken: boolean;
  /** What a forward of the target costs, by rows, at the beginning of a context. */
  readonly forwardMs: CostCurve;
  /** What a context adds to that. */
  readonly contextMs: ContextCosts;
  /** What drafting costs. */
  readonly draftMs: DraftCosts;
}
