/**
 * The proposer that looks up n-grams: it drafts what followed the same tokens before, in prompts and outputs of all
 * sequences, without a model (prompt lookup decoding, Saxena 2023; with a trie over all requests, Zhao et al. 2023, arXiv
 * 2312.12728).
 *
 * @module
 */
import type { NgramConfig } from "../contracts/speculation_config.ts";
import type { DraftRequest, DraftTree, Proposer, ProposerEntry, ProposerParts } from "./proposer.ts";
import { ROOT, TokenTrie } from "./token_trie.ts";

/** Default size of a tree, SGLang's, its root counted. */
const DEFAULT_DRAFT_TOKENS = 12;

/** N-gram lookup. */
export const ngramEntry: ProposerEntry = {
  name: "NGRAM",
  needs: { files: "none" },
  keyIncludesNextToken: false,
  growsByLevel: false,
  defaultTree(args) {
    const numDraftTokens = args.speculativeNumDraftTokens ?? DEFAULT_DRAFT_TOKENS;
    return { numSteps: numDraftTokens - 1, topk: args.speculativeNgramMaxBfsBreadth, numDraftTokens };
  },
  create: (parts) => new NgramProposer(parts),
};

/** Probability that what follows a match of one token does not follow here; every further token halves it. */
const MISMATCH = 0.5;

/** Position of a sequence in the trie. */
interface Position {
  /** The trie's generation that `ends` belongs to. */
  generation: number;
  /** Entry m: the node of its last m tokens. */
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

/** Looks up continuations in one trie of all sequences. */
export class NgramProposer implements Proposer {
  readonly #config: NgramConfig;
  readonly #trie: TokenTrie;
  readonly #positions = new Map<string, Position>();

  constructor({ speculation }: Pick<ProposerParts, "speculation">) {
    this.#config = speculation.ngram;
    this.#trie = new TokenTrie(speculation.ngram);
  }

  propose(requests: readonly DraftRequest[]): DraftTree[] {
    for (const request of requests) this.#read(request);
    return requests.map((request) => this.#treeOf(request));
  }

  numRead({ start, tokens }: DraftRequest): number {
    return start + tokens.length;
  }

  release(requestId: string): void {
    this.#positions.delete(requestId);
  }

  [Symbol.dispose](): void {
    this.#positions.clear();
  }

  #read({ requestId, start, tokens }: DraftRequest): void {
    let position = this.#positions.get(requestId);
    if (position === undefined || start === 0) {
      position = { generation: this.#trie.generation, ends: [] };
      this.#positions.set(requestId, position);
    }
    for (const token of tokens) {
      position.ends = this.#trie.append(this.#endsOf(position), token);
      // The trie was full and cleared itself before it appended, so the given ends are void.
      if (position.generation !== this.#trie.generation) {
        position.generation = this.#trie.generation;
        position.ends = this.#trie.append([], token);
      }
    }
  }

  #endsOf({ generation, ends }: Position): readonly number[] {
    return generation === this.#trie.generation ? ends : [];
  }

  /** Longest matches first; shorter ones add what nodes are left. */
  #treeOf({ requestId, numSteps, topk, numNodes }: DraftRequest): DraftTree {
    const ends = this.#endsOf(this.#positions.get(requestId)!);
    const tree = new LookupTree();
    for (let matchLength = ends.length - 1; matchLength > 0 && tree.size < numNodes; matchLength--) {
      if (ends[matchLength] === ROOT) continue;
      const root = { trieNode: ends[matchLength]!, parent: -1, depth: 0, matchLength, probability: 1 };
      this.#expand(tree, root, { numSteps, topk, numNodes });
    }
    return tree.finish();
  }

  /** Adds the most probable continuations below `root` first. */
  #expand(
    tree: LookupTree,
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
    const certainty = 1 - MISMATCH ** matchLength;
    return this.#trie.childrenOf(trieNode, order, Math.min(topk, this.#breadthOf(matchLength))).map((
      { node, share },
    ) => ({
      trieNode: node,
      parent,
      depth: depth + 1,
      matchLength: matchLength + 1,
      probability: probability * certainty * share,
    }));
  }

  /** The longer the match, the fewer alternatives. */
  #breadthOf(matchLength: number): number {
    const { minBreadth, maxBreadth, maxDepth } = this.#config;
    const share = 1 - Math.min(1, (matchLength - 1) / Math.max(1, maxDepth - 2));
    return Math.max(1, Math.round(minBreadth + (maxBreadth - minBreadth) * share));
  }
}

/** A tree of continuations in the making: the children of a node have different tokens. */
class LookupTree {
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
