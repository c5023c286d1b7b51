/**
 * Proposes what followed the same words before, in prompts and outputs of all sequences (prompt lookup, Saxena 2023; as a
 * trie, Zhao et al. 2023, "Lookahead"). No model.
 *
 * @module
 */
import type { NgramConfig } from "../contracts/speculation_config.ts";
import type { DraftRequest, DraftTree, Proposer, ProposerParts } from "./proposer.ts";
import { ROOT, TokenTrie } from "./token_trie.ts";

/** How sure a match of one token makes; every further token halves the doubt. */
const DOUBT = 0.5;

/** What is known of a sequence: the nodes of its last runs, by length. */
interface Text {
  generation: number;
  ends: number[];
}

/** A node that may be drafted. */
interface Candidate {
  readonly trieNode: number;
  readonly parent: number;
  readonly depth: number;
  /** Tokens that match, the path's included. */
  readonly matchLength: number;
  readonly probability: number;
}

/** See the module's comment. */
export class NgramProposer implements Proposer {
  readonly #config: NgramConfig;
  readonly #trie: TokenTrie;
  readonly #texts = new Map<string, Text>();

  constructor({ speculation }: Pick<ProposerParts, "speculation">) {
    this.#config = speculation.ngram;
    this.#trie = new TokenTrie(speculation.ngram);
  }

  propose(requests: readonly DraftRequest[]): DraftTree[] {
    for (const request of requests) this.#read(request);
    return requests.map((request) => this.#treeOf(request));
  }

  release(requestId: string): void {
    this.#texts.delete(requestId);
  }

  [Symbol.dispose](): void {
    this.#texts.clear();
  }

  #read({ requestId, start, tokens }: DraftRequest): void {
    let text = this.#texts.get(requestId);
    if (text === undefined || start === 0) {
      text = { generation: this.#trie.generation, ends: [] };
      this.#texts.set(requestId, text);
    }
    for (const token of tokens) {
      text.ends = this.#trie.append(this.#endsOf(text), token);
      // Appending may have made room by forgetting, the ends given included.
      if (text.generation !== this.#trie.generation) {
        text.generation = this.#trie.generation;
        text.ends = this.#trie.append([], token);
      }
    }
  }

  #endsOf({ generation, ends }: Text): readonly number[] {
    return generation === this.#trie.generation ? ends : [];
  }

  /** Longest matches first; shorter ones add what nodes are left. */
  #treeOf({ requestId, numSteps, topk, numNodes }: DraftRequest): DraftTree {
    const ends = this.#endsOf(this.#texts.get(requestId)!);
    const tree = new GrowingTree();
    for (let matchLength = ends.length - 1; matchLength > 0 && tree.size < numNodes; matchLength--) {
      if (ends[matchLength] === ROOT) continue;
      const root = { trieNode: ends[matchLength]!, parent: -1, depth: 0, matchLength, probability: 1 };
      this.#expand(tree, root, { numSteps, topk, numNodes });
    }
    return tree.finish();
  }

  /** Adds the most probable continuations below `root` first. */
  #expand(
    tree: GrowingTree,
    root: Candidate,
    { numSteps, topk, numNodes }: Pick<DraftRequest, "numSteps" | "topk" | "numNodes">,
  ): void {
    const queue = this.#childrenOf(root, -1, topk);
    while (queue.length > 0 && tree.size < numNodes) {
      const best = queue.reduce(
        (best, { probability }, i) => probability > queue[best]!.probability ? i : best,
        0,
      );
      const [candidate] = queue.splice(best, 1);
      const node = tree.add(
        candidate!.parent,
        this.#trie.tokenAt(candidate!.trieNode),
        candidate!.probability,
        topk,
      );
      if (node !== undefined && candidate!.depth < numSteps) {
        queue.push(...this.#childrenOf(candidate!, node, topk));
      }
    }
  }

  #childrenOf(
    { trieNode, depth, matchLength, probability }: Candidate,
    parent: number,
    topk: number,
  ): Candidate[] {
    const order = this.#config.matchType === "BFS" ? "recency" : "frequency";
    const sure = 1 - DOUBT ** matchLength;
    return this.#trie.childrenOf(trieNode, order, Math.min(topk, this.#breadthOf(matchLength))).map((
      { node, share },
    ) => ({
      trieNode: node,
      parent,
      depth: depth + 1,
      matchLength: matchLength + 1,
      probability: probability * sure * share,
    }));
  }

  /** The longer the match, the fewer alternatives. */
  #breadthOf(matchLength: number): number {
    const { minBreadth, maxBreadth, maxDepth } = this.#config;
    const share = 1 - Math.min(1, (matchLength - 1) / Math.max(1, maxDepth - 2));
    return Math.max(1, Math.round(minBreadth + (maxBreadth - minBreadth) * share));
  }
}

/** A tree in the making, whose nodes have different tokens below the same parent. */
class GrowingTree {
  readonly #tokens: number[] = [];
  readonly #parents: number[] = [];
  readonly #probabilities: number[] = [];

  get size(): number {
    return this.#tokens.length;
  }

  /** The child with this token, new or not; undefined if the parent has `topk` others. */
  add(parent: number, token: number, probability: number, topk: number): number | undefined {
    let numSiblings = 0;
    for (let node = parent + 1; node < this.size; node++) {
      if (this.#parents[node] !== parent) continue;
      if (this.#tokens[node] === token) return node;
      numSiblings++;
    }
    if (numSiblings === topk) return undefined;
    this.#parents.push(parent);
    this.#probabilities.push(probability);
    return this.#tokens.push(token) - 1;
  }

  finish(): DraftTree {
    return {
      tokens: Int32Array.from(this.#tokens),
      parents: Int32Array.from(this.#parents),
      probabilities: Float32Array.from(this.#probabilities),
    };
  }
}
