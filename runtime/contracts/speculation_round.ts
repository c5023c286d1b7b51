/**
 * Verification rounds of a generation, as a client that asks for them is shown them.
 *
 * @module
 */
import type { DraftTree } from "./draft_tree.ts";

/** What one step yielded for one generation, and how: a step without drafts is a round too. */
export interface SpeculationRound {
  /** Tokens that count: the accepted drafts in their order, then the one that the target drew behind them. */
  readonly tokens: Int32Array;
  /** The tree that was verified; without nodes in a plain step. */
  readonly tree: DraftTree;
  /** Accepted nodes in the order of their path; as many as there are accepted drafts among `tokens`. */
  readonly accepted: Int32Array;
  /** Time from the plan of the step until its drafts were there, milliseconds; 0 if none were made. */
  readonly draftMs: number;
  /** Time inside the native forward, milliseconds. */
  readonly verifyMs: number;
}

/** A round with the text of its tokens. */
export interface TextRound extends SpeculationRound {
  /**
   * One per token: what it adds to the text. All of them joined, over all rounds of a generation, are its text: a
   * character of several tokens stands with its last one, a stop text that was cut off with none.
   */
  readonly texts: readonly string[];
}
