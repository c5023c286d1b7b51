/**
 * What holds for every verification round of an answer, as clients read it.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { SpeculationRound } from "../../routes/schema/speculation_round.ts";

/** Checks each round by itself; returns the token ids and the texts of all, joined. */
export function checkWireRounds(
  rounds: readonly SpeculationRound[],
): { readonly ids: number[]; readonly text: string } {
  rounds.forEach(checkPath);
  const tokens = rounds.flatMap(({ tokens }) => tokens);
  return { ids: tokens.map(({ id }) => id), text: tokens.map(({ text }) => text).join("") };
}

/** Asserts that the accepted nodes are a path of the tree from the root down, which tokens follow and then leave. */
function checkPath({ tokens, tree, accepted }: SpeculationRound): void {
  const origins = tokens.map(({ origin }) => origin);
  if (tree === null) return assert.deepEqual([origins, accepted], [["plain"], []]);
  accepted.forEach((node, i) => {
    assert.equal(tree.parents[node], accepted[i - 1] ?? -1);
    assert.equal(tree.tokens[node], tokens[i]?.id);
    assert.equal(origins[i], "accepted");
  });
  const beyond = tokens.slice(accepted.length);
  assert.ok(beyond.length <= 1);
  for (const { id, origin } of beyond) {
    assert.equal(origin, "bonus");
    const proposed = tree.tokens.filter((_, node) => tree.parents[node] === (accepted.at(-1) ?? -1));
    assert.ok(!proposed.includes(id), "a draft that was drawn was not accepted");
  }
}
