/**
 * Messages to and from the matcher, which keeps the grammars' state: the scheduler has a constraint compiled, the
 * verifier asks for the masks of a step.
 *
 * @module
 */
import type { OutputConstraint } from "../contracts/constraint.ts";
import type { DraftTree } from "../contracts/draft_tree.ts";
import type { WireError } from "../contracts/errors.ts";

/** Scheduler to matcher: get ready for a sequence. Answered by `compiled`. */
export interface Compile {
  readonly type: "compile";
  readonly requestId: string;
  readonly constraint: OutputConstraint;
}

/** Matcher to scheduler: the sequence may be admitted, or is refused. */
export interface Compiled {
  readonly type: "compiled";
  readonly requestId: string;
  /** Why the constraint cannot be used. */
  readonly error?: WireError;
  /** What the matcher has and did; absent if it can use no constraint. */
  readonly stats?: MatcherStats;
}

/** What the matcher has now, and did since the start. */
export interface MatcherStats {
  /** Grammar hosts that run. */
  readonly numHosts: number;
  /** Grammars that are compiled or waiting for it. */
  readonly numGrammars: number;
  /** Compiles that ended, in whatever way. */
  readonly numCompiles: number;
  /** Time of all of those. */
  readonly compileMs: number;
}

/** Scheduler to matcher: the request has ended: forget its matcher, or do not compile for it. No answer. */
export interface Forget {
  readonly type: "forget";
  readonly requestId: string;
}

/** A constrained sequence in a step that draws for it. */
export interface MatchRequest {
  readonly requestId: string;
  /** Number of output tokens before `tokens`. */
  readonly numBefore: number;
  /** Output tokens; those that the matcher has accepted already are skipped by their number. */
  readonly tokens: Int32Array;
  /** Drafts behind them; empty for a plain step. */
  readonly tree: DraftTree;
  /** Nodes that the tree may have after forced tokens were added to it; 0 adds none. */
  readonly maxNodes: number;
}

/** Verifier to matcher: the constrained sequences of a step. Answered by `refined`, then by `masked`. */
export interface Match {
  readonly type: "match";
  readonly step: number;
  readonly requests: readonly MatchRequest[];
}

/** Matcher to verifier: the trees without nodes that the grammar forbids, with the tokens it forces; request by request. */
export interface Refined {
  readonly type: "refined";
  readonly step: number;
  readonly trees: readonly DraftTree[];
}

/** The masks of one sequence. */
export interface SequenceMasks {
  /** Of the root, then of each node of the refined tree: index of its mask in `words`, or -1 if every token may come. */
  readonly rows: Int32Array;
  /** By row: whether only the model's end tokens may come, which then `minTokens` must not ban. */
  readonly mustEnd: Uint8Array;
  /** The matcher of this sequence is lost: the request fails with it. */
  readonly error?: WireError;
}

/** Matcher to verifier: the masks of a step, request by request. */
export interface Masked {
  readonly type: "masked";
  readonly step: number;
  readonly sequences: readonly SequenceMasks[];
  /** [numMasks, ceil(vocabSize / 32)]: bit t % 32 of word t / 32 is set if token t may come. */
  readonly words: Uint32Array;
}

/** Commands that the matcher takes. */
export type MatcherMessage = Compile | Forget | Match;
