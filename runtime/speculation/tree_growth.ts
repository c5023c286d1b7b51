/**
 * Grows a draft tree as EAGLE-2 does (Li et al. 2024, arXiv 2406.16858): keep the best nodes of each level by cumulative
 * probability, remember every child they have, return the best nodes of all.
 *
 * @module
 */
import type { DraftTree } from "../contracts/draft_tree.ts";

/** Rows a draft model runs for one tree at most: one bit of a mask each. */
export const MAX_GROWN_ROWS = 64;

/** One tree while it grows; reused for the next. Candidates are numbered in the order in which they are added. */
export class TreeGrowth {
  /** Candidates expanded in this level, best first; valid up to what `advance` returned. */
  readonly frontier: Int32Array;
  readonly #tokens: Int32Array;
  readonly #parents: Int32Array;
  /** By candidate: logarithm of its path's probability. */
  readonly #scores: Float64Array;
  /** By candidate: the rows of this tree that its row sees, its ancestors and itself, one bit per row. */
  readonly #masks: BigUint64Array;
  readonly #sources: Int32Array;
  readonly #chosen: Int32Array;
  #size = 0;
  #levelStart = 0;
  #numRows = 0;
  #topk = 0;
  #numNodes = 0;

  /** `maxTopk`: children of a node at most. */
  constructor(maxTopk: number) {
    const capacity = maxTopk * (1 + MAX_GROWN_ROWS);
    this.frontier = new Int32Array(MAX_GROWN_ROWS);
    this.#tokens = new Int32Array(capacity);
    this.#parents = new Int32Array(capacity);
    this.#scores = new Float64Array(capacity);
    this.#masks = new BigUint64Array(capacity);
    this.#sources = new Int32Array(capacity);
    this.#chosen = new Int32Array(capacity);
  }

  /** Starts a tree of `numNodes` nodes at most, the root not counted. */
  begin(topk: number, numNodes: number): void {
    this.#size = this.#levelStart = this.#numRows = 0;
    this.#topk = topk;
    this.#numNodes = numNodes;
  }

  /** The token of a candidate. */
  tokenOf(candidate: number): number {
    return this.#tokens[candidate]!;
  }

  /** Rows of this tree that the candidate's row sees: its ancestors and itself. */
  maskOf(candidate: number): bigint {
    return this.#masks[candidate]!;
  }

  /** The output row of the last forward that the candidate came from. */
  sourceOf(candidate: number): number {
    return this.#sources[candidate]!;
  }

  /** Adds a child of `parent` (-1 is the root), read from an output row; siblings come most probable first. */
  add(parent: number, token: number, logprob: number, source: number): void {
    // A damaged head may yield NaN; such a token is no candidate.
    if (!(logprob > -Infinity)) return;
    const at = this.#size++;
    this.#tokens[at] = token;
    this.#parents[at] = parent;
    this.#sources[at] = source;
    this.#scores[at] = (parent < 0 ? 0 : this.#scores[parent]!) + Math.min(0, logprob);
  }

  /**
   * Chooses what to expand among the candidates added since the last call; returns how many. A candidate that is not
   * among the best `numNodes` of all is left out: its descendants cannot be either, being less probable than it.
   */
  advance(): number {
    const limit = Math.min(this.#topk, MAX_GROWN_ROWS - this.#numRows);
    const count = this.#best(this.#levelStart, limit, this.frontier);
    this.#levelStart = this.#size;
    let kept = 0;
    while (kept < count && this.#rankOf(this.frontier[kept]!) < this.#numNodes) {
      const candidate = this.frontier[kept++]!, parent = this.#parents[candidate]!;
      this.#masks[candidate] = 1n << BigInt(this.#numRows++) | (parent < 0 ? 0n : this.#masks[parent]!);
    }
    return kept;
  }

  /** The best nodes, in the order they came: parents before children, siblings most probable first. */
  finish(): DraftTree {
    const count = this.#best(0, Math.min(this.#numNodes, this.#size), this.#chosen);
    const chosen = this.#chosen.slice(0, count).sort();
    return {
      tokens: chosen.map((candidate) => this.#tokens[candidate]!),
      parents: chosen.map((candidate) => chosen.indexOf(this.#parents[candidate]!)),
      probabilities: Float32Array.from(chosen, (candidate) => Math.exp(this.#scores[candidate]!)),
    };
  }

  /** Puts the `limit` best candidates from `start` on into `out`, best first, ties in order; returns how many. */
  #best(start: number, limit: number, out: Int32Array): number {
    let count = 0;
    for (let candidate = start; candidate < this.#size; candidate++) {
      const score = this.#scores[candidate]!;
      if (count === limit && !(count > 0 && score > this.#scores[out[count - 1]!]!)) continue;
      let at = count < limit ? count++ : count - 1;
      for (; at > 0 && score > this.#scores[out[at - 1]!]!; at--) out[at] = out[at - 1]!;
      out[at] = candidate;
    }
    return count;
  }

  /** Candidates that are better, or as good and earlier. */
  #rankOf(candidate: number): number {
    const score = this.#scores[candidate]!;
    let rank = 0;
    for (let other = 0; other < this.#size; other++) {
      const its = this.#scores[other]!;
      if (its > score || (its === score && other < candidate)) rank++;
    }
    return rank;
  }
}
