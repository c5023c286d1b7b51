/**
 * Draft trees under verification: which node attends to which, and which nodes are accepted.
 *
 * @module
 */

/** A draft tree without its root. Parents precede children, siblings stand most probable first. */
export interface DraftTree {
  /** Its nodes' tokens. */
  readonly tokens: Int32Array;
  /** Index of the parent; -1 is the root. */
  readonly parents: Int32Array;
  /** The drafter's estimate that the node is reached and accepted: the product along its path. */
  readonly probabilities: Float32Array;
}

/** The part of a tree that verification needs. */
export type VerifiedTree = Pick<DraftTree, "tokens" | "parents">;

/** No drafts. */
export const emptyTree: DraftTree = {
  tokens: new Int32Array(0),
  parents: new Int32Array(0),
  probabilities: new Float32Array(0),
};

/** Depth of each node: 1 for the children of the root. */
export function depthsOf(parents: Int32Array): Int32Array {
  const depths = new Int32Array(parents.length);
  parents.forEach((parent, node) => depths[node] = parent < 0 ? 1 : depths[parent]! + 1);
  return depths;
}

/** Tree mask: bit j of entry i is set if node j is i or an ancestor of i. */
export function ancestorMasks(parents: Int32Array): BigUint64Array {
  const masks = new BigUint64Array(parents.length);
  parents.forEach((parent, node) => masks[node] = (parent < 0 ? 0n : masks[parent]!) | 1n << BigInt(node));
  return masks;
}

/** Tokens on the path from the root to a node, its own included; empty for the root, -1. */
export function pathTokens({ tokens, parents }: VerifiedTree, node: number): number[] {
  const path: number[] = [];
  for (let at = node; at >= 0; at = parents[at]!) path.push(tokens[at]!);
  return path.reverse();
}

/** Children of a node, or of the root, -1. */
export function childrenOf({ parents }: VerifiedTree, node: number): number[] {
  return [...parents.keys()].filter((child) => parents[child] === node);
}

/**
 * The accepted nodes: from the root down, whichever child carries the token drawn at its parent. One draw per node from
 * the target's own distribution makes the emitted tokens equal those of plain sampling, whatever the tree (the one-draw form
 * of the rule of Miao et al. 2023 for deterministic drafts).
 *
 * @param drawn the token drawn at a node; -1 is the root
 */
export function acceptPath(tree: VerifiedTree, drawn: (node: number) => number): number[] {
  const path: number[] = [];
  let at = -1, token = drawn(at);
  // Nodes come behind their parents.
  tree.parents.forEach((parent, node) => {
    if (parent !== at || tree.tokens[node] !== token) return;
    path.push(node);
    at = node;
    token = drawn(at);
  });
  return path;
}

/** A chain: every token the only child of the one before it. */
export function chainOf(tokens: Int32Array, probabilities: Float32Array): DraftTree {
  return { tokens, parents: Int32Array.from(tokens, (_, i) => i - 1), probabilities };
}

/** The tree of the nodes that `keeps` is true of; a node is dropped with its parent. */
export function pruneTree(tree: DraftTree, keeps: (node: number) => boolean): DraftTree {
  const newIndex = new Int32Array(tree.tokens.length).fill(-1), kept: number[] = [];
  tree.parents.forEach((parent, node) => {
    if (!keeps(node) || (parent >= 0 && newIndex[parent]! < 0)) return;
    newIndex[node] = kept.push(node) - 1;
  });
  return {
    tokens: Int32Array.from(kept, (node) => tree.tokens[node]!),
    parents: Int32Array.from(kept, (node) => tree.parents[node]! < 0 ? -1 : newIndex[tree.parents[node]!]!),
    probabilities: Float32Array.from(kept, (node) => tree.probabilities[node]!),
  };
}
