/**
 * Rounds out of what a server or the browser's storage has, which may be anything.
 *
 * @module
 */
import type { SpeculationRound } from "./answer.ts";
import { recordOf } from "./record.ts";

/** Whether a value is a round that can be shown: whole, with numbers where numbers belong and no node before its parent. */
export function isRound(value: unknown): value is SpeculationRound {
  const { tokens, tree, accepted, draft_ms: draftMs, verify_ms: verifyMs } = recordOf(value);
  if (!Number.isFinite(draftMs) || !Number.isFinite(verifyMs)) return false;
  if (!Array.isArray(tokens) || tokens.length === 0 || !tokens.every(isToken)) return false;
  if (tree !== null && !isTree(tree)) return false;
  const numNodes = tree === null ? 0 : (tree as NonNullable<SpeculationRound["tree"]>).parents.length;
  return Array.isArray(accepted) && accepted.every((node) => isIndex(node, numNodes));
}

function isToken(value: unknown): boolean {
  const { text, origin } = recordOf(value);
  return typeof text === "string" && (origin === "accepted" || origin === "bonus" || origin === "plain");
}

function isTree(value: unknown): boolean {
  const { tokens, texts, parents, probabilities } = recordOf(value);
  if (![tokens, texts, parents, probabilities].every(Array.isArray)) return false;
  const [names, above, numbers] = [texts, parents, probabilities] as unknown[][];
  if (names!.length !== above!.length || numbers!.length !== above!.length) return false;
  return names!.every((text) => typeof text === "string") && numbers!.every(Number.isFinite) &&
    above!.every((parent, index) => parent === -1 || isIndex(parent, index));
}

function isIndex(value: unknown, end: number): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < end;
}
