/**
 * What holds for every verification round, whatever model and drafter.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { SpeculationRound } from "../../runtime/contracts/speculation_round.ts";

/** Nodes of a tree at most. */
const MAX_NODES = 63;

/** Checks a round by itself: its accepted nodes are a path from the root of its tree, and its first tokens. */
export function checkRound({ tokens, tree, accepted, draftMs, verifyMs }: SpeculationRound): void {
  const { length } = tree.tokens;
  assert.ok(tokens.length > 0 && accepted.length <= tokens.length);
  assert.ok(length <= MAX_NODES && tree.parents.length === length && tree.probabilities.length === length);
  accepted.forEach((node, i) => {
    assert.ok(node >= 0 && node < length, `node ${node} of ${length}`);
    assert.equal(tree.parents[node], i === 0 ? -1 : accepted[i - 1], "accepted nodes are a path");
    assert.equal(tree.tokens[node], tokens[i], "accepted nodes are the first tokens");
  });
  assert.ok(draftMs >= 0 && verifyMs >= 0);
  // A forced token is certain, and needs no drafter.
  if (tree.probabilities.some((probability) => probability < 1)) {
    assert.ok(draftMs > 0, "a drafter's tree takes time to draft");
  }
}

/** Whether no drafts were made for a round. */
export function isPlain({ tokens, tree, accepted, draftMs }: SpeculationRound): boolean {
  return tokens.length === 1 && tree.tokens.length === 0 && accepted.length === 0 && draftMs === 0;
}
