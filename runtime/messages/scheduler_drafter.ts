/**
 * Messages between scheduler and drafter: which sequences want draft trees, and the trees.
 *
 * @module
 */
import type { DraftTree } from "../contracts/draft_tree.ts";

/** One sequence that wants drafts. */
export interface DraftRequest {
  /** The sequence. */
  readonly requestId: string;
  /** Position of `tokens[0]`. */
  readonly start: number;
  /**
   * Tokens the drafter was not given yet, up to the newest, the root of the tree. The first request of a sequence has
   * start 0.
   */
  readonly tokens: Int32Array;
  /** Page table; covers the root's position and as many more as there may be levels or nodes. */
  readonly pages: Int32Array;
  /** Levels to grow at most; 0 for no tree. */
  readonly numSteps: number;
  /** Children of a node at most, and nodes kept per level. */
  readonly topk: number;
  /** Nodes to return at most, the root not counted. */
  readonly numNodes: number;
}

/** Asks for trees; answered by `drafted`. */
export interface Draft {
  /** Discriminates. */
  readonly type: "draft";
  /** Number of the step that will verify the trees, repeated in the answer. */
  readonly step: number;
  /** At most one per sequence. */
  readonly requests: readonly DraftRequest[];
}

/** Result of a `draft`, request by request in the same order. */
export interface Drafted {
  /** Discriminates. */
  readonly type: "drafted";
  /** Number of the step, as in the `draft`. */
  readonly step: number;
  /** One per request. */
  readonly trees: readonly DraftTree[];
  /** One per request: tokens of the sequence whose draft KV the drafter has after this draft. */
  readonly numRead: Int32Array;
}
