/**
 * The draft tree of a round as nodes: what was drafted, what the drafter thought of it, which of it was drawn, and the
 * token that the target drew where the draw left the tree.
 *
 * @module
 */
import type { SpeculationRound } from "../api/answer.ts";

/** The index of the root, which is no node of the tree: the token before the round. */
export const ROOT = -1;

/** A node of a drawn tree. */
export interface DraftNode {
  /** Its index; the drawn token that no draft carried is one behind the tree's last. */
  readonly index: number;
  /** Index of its parent, {@linkcode ROOT} at the top. */
  readonly parent: number;
  readonly text: string;
  /** `drawn`: drawn by the target, not drafted. */
  readonly kind: "accepted" | "rejected" | "drawn";
  /** The drafter's estimate that it follows its parent, from 0 to 1; a drawn token has none. */
  readonly conditional?: number;
  /** The same for the whole path to it. */
  readonly product?: number;
}

/** Where and why the draw of a round left its tree. */
export type LeftTree =
  /** There were drafts of the next token and the draw was none of them. */
  | { readonly reason: "not drafted"; readonly numDrafts: number }
  /** Every draft of the path was accepted, and no further one was made. */
  | { readonly reason: "no more drafts" }
  /** The answer ended with an accepted draft. */
  | { readonly reason: "ended" };

/** A round's tree with what was drawn. */
export interface DraftNodes {
  /** Parents precede children, save the drawn token, which comes last. */
  readonly nodes: readonly DraftNode[];
  /** Nodes of the tree, and how many of them were accepted. */
  readonly numDrafts: number;
  readonly numAccepted: number;
  readonly left: LeftTree;
}

/** The nodes of a round; undefined for a round without drafts. */
export function draftNodesOf({ tokens, tree, accepted }: SpeculationRound): DraftNodes | undefined {
  if (tree === null || tree.tokens.length === 0) return undefined;
  const isAccepted = new Set(accepted), last = accepted.at(-1) ?? ROOT;
  const nodes = tree.texts.map((text, index): DraftNode => {
    const parent = tree.parents[index]!, product = tree.probabilities[index]!;
    const kind = isAccepted.has(index) ? "accepted" : "rejected";
    return {
      index,
      parent,
      text,
      kind,
      product,
      conditional: conditionalOf(product, tree.probabilities[parent]),
    };
  });
  const numDrafts = nodes.length, drawn = tokens.at(-1);
  const siblings = tree.parents.filter((parent) => parent === last).length;
  const counts = { nodes, numDrafts, numAccepted: accepted.length };
  if (drawn?.origin !== "bonus") return { ...counts, left: { reason: "ended" } };
  nodes.push({ index: numDrafts, parent: last, text: drawn.text, kind: "drawn" });
  if (siblings === 0) return { ...counts, left: { reason: "no more drafts" } };
  return { ...counts, left: { reason: "not drafted", numDrafts: siblings } };
}

/** Children of a node in the order in which they are drawn: what was drawn first, then the likeliest. */
export function childrenOf(nodes: readonly DraftNode[], parent: number): DraftNode[] {
  return nodes.filter((node) => node.parent === parent).toSorted((a, b) => weightOf(b) - weightOf(a));
}

function conditionalOf(product: number, parentProduct = 1): number {
  return parentProduct > 0 ? Math.min(1, product / parentProduct) : 0;
}

function weightOf({ kind, product = 0 }: DraftNode): number {
  return kind === "rejected" ? product : 2;
}
