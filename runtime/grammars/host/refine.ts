/**
 * Draft trees in the light of a grammar: nodes that it forbids go, tokens that it forces come.
 *
 * @module
 */
import { type DraftTree, pruneTree } from "../../contracts/draft_tree.ts";
import type { ForcedTokens } from "./forced_tokens.ts";
import type { SequenceMatcher } from "./sequence_matcher.ts";

/**
 * The tree without forbidden nodes and those below them, and with the tokens that must come next as a branch, as far as
 * `maxNodes` lets it. The matcher is where it was afterwards.
 */
export async function refine(
  matcher: SequenceMatcher,
  tree: DraftTree,
  { maxNodes, forced }: { readonly maxNodes: number; readonly forced: ForcedTokens },
): Promise<DraftTree> {
  const isAllowed = new Set<number>();
  await walk(matcher, tree, (node) => void isAllowed.add(node));
  const pruned = isAllowed.size === tree.tokens.length
    ? tree
    : pruneTree(tree, (node) => isAllowed.has(node));
  if (maxNodes <= 0) return pruned;
  return withBranch(pruned, (await forced.next(matcher)).slice(0, maxNodes), maxNodes);
}

/**
 * Walks a tree depth first, skipping what is forbidden: `enter` is called with the matcher behind each other node. The
 * matcher is where it was afterwards.
 */
export async function walk(
  matcher: SequenceMatcher,
  { tokens, parents }: Pick<DraftTree, "tokens" | "parents">,
  enter: (node: number) => void | Promise<void>,
): Promise<void> {
  // Of the root, then of each node.
  const children: number[][] = Array.from({ length: tokens.length + 1 }, () => []);
  parents.forEach((parent, node) => children[parent + 1]!.push(node));
  const visit = async (node: number): Promise<void> => {
    if (!matcher.accept(tokens[node]!)) return;
    await enter(node);
    for (const child of children[node + 1]!) await visit(child);
    matcher.back(1);
  };
  for (const child of children[0]!) await visit(child);
}

/**
 * The tree with a branch of certain tokens at its root, which go before all others: of those that then exceed `maxNodes`
 * the last are dropped. Nodes that say the same are one.
 */
function withBranch(tree: DraftTree, branch: readonly number[], maxNodes: number): DraftTree {
  if (branch.length === 0) return tree;
  const tokens = [...branch], parents = branch.map((_, i) => i - 1), probabilities = branch.map(() => 1);
  const newIndex = new Int32Array(tree.tokens.length).fill(-1);
  tree.tokens.forEach((token, node) => {
    const oldParent = tree.parents[node]!, parent = oldParent < 0 ? -1 : newIndex[oldParent]!;
    if (oldParent >= 0 && parent < 0) return;
    // The branch's node behind node i is i + 1.
    if (parent + 1 < branch.length && branch[parent + 1] === token) {
      newIndex[node] = parent + 1;
    } else if (tokens.length < maxNodes) {
      newIndex[node] = tokens.push(token) - 1;
      parents.push(parent);
      probabilities.push(tree.probabilities[node]!);
    }
  });
  return {
    tokens: Int32Array.from(tokens),
    parents: Int32Array.from(parents),
    probabilities: Float32Array.from(probabilities),
  };
}
