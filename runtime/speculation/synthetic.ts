/**
 * The proposer of drafts with a chosen accept rate, for tests and capacity planning: the target's own greedy tokens,
 * corrupted at random, so that the draft at each depth is right with a given probability where a request is greedy.
 *
 * @module
 */
import { depthsOf } from "../contracts/draft_tree.ts";
import {
  defaultChain,
  type DraftRequest,
  type DraftTree,
  type Proposer,
  type ProposerEntry,
  type ProposerParts,
} from "./proposer.ts";
import { DraftModelProposer } from "./draft_model.ts";

/** Synthetic drafts. */
export const syntheticEntry: ProposerEntry = {
  name: "SYNTHETIC",
  needs: { files: "none" },
  keyIncludesNextToken: false,
  growsByLevel: true,
  defaultTree: () => defaultChain,
  create: (parts) => new SyntheticProposer(parts),
};

/** Drafts with a second copy of the target and corrupts the result. */
export class SyntheticProposer implements Proposer {
  readonly #target: DraftModelProposer;
  readonly #acceptance: readonly number[];
  readonly #vocabSize: number;

  constructor(parts: ProposerParts) {
    this.#target = new DraftModelProposer(parts, parts.target.checkpoint);
    this.#acceptance = parts.speculation.syntheticAcceptance;
    this.#vocabSize = parts.target.checkpoint.config.vocabSize;
  }

  propose(requests: readonly DraftRequest[]): DraftTree[] {
    const trees = this.#target.propose(requests);
    return trees.map((tree, i) => {
      const { requestId, start, tokens } = requests[i]!;
      return this.#corrupt(tree, requestId, start + tokens.length);
    });
  }

  numRead(request: DraftRequest): number {
    return this.#target.numRead(request);
  }

  release(requestId: string): void {
    this.#target.release(requestId);
  }

  [Symbol.dispose](): void {
    this.#target[Symbol.dispose]();
  }

  /** Makes drafts wrong by depth; descendants of a wrong one are wrong anyway. */
  #corrupt({ tokens, parents }: DraftTree, requestId: string, position: number): DraftTree {
    const depths = depthsOf(parents), probabilities = new Float32Array(tokens.length);
    const corrupted = tokens.map((token, node) => {
      const parent = parents[node]!;
      const chance = this.#acceptance[Math.min(depths[node]!, this.#acceptance.length) - 1] ?? 1;
      probabilities[node] = chance * (parent < 0 ? 1 : probabilities[parent]!);
      const isRight = uniform(`${requestId} ${position + depths[node]!}`) < chance;
      return isRight ? token : (token + 1) % this.#vocabSize;
    });
    return { tokens: corrupted, parents, probabilities };
  }
}

/** A number in [0, 1) that depends on the text alone (FNV-1a). */
function uniform(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return ((hash ^ (hash >>> 12)) >>> 0) / 2 ** 32;
}
