/** Rounds as the server sends them, and what is none. */
import { strict as assert } from "node:assert";
import type { SpeculationRound } from "../../../web/api/answer.ts";
import { isRound } from "../../../web/api/rounds.ts";
import { SHORT } from "../tokens/canned_answers.ts";

Deno.test("rounds: the server's are rounds, whatever is changed in them is none", () => {
  assert.ok(SHORT.rounds.every(isRound));
  const round = SHORT.rounds[1]!, tree = round.tree!;
  const broken: Record<string, unknown> = {
    "no record": 7,
    "no tokens": { ...round, tokens: [] },
    "unknown origin": { ...round, tokens: [{ id: 1, text: "a", origin: "x y" }] },
    "no times": { ...round, "draft_ms": undefined },
    "not a number": { ...round, "verify_ms": "5" },
    "accepted beyond the tree": { ...round, accepted: [tree.parents.length] },
    "accepted without a tree": { ...round, tree: null },
    "parent behind its child": { ...round, tree: { ...tree, parents: tree.parents.map(() => 5) } },
    "too few texts": { ...round, tree: { ...tree, texts: [] } },
    "texts that are none": { ...round, tree: { ...tree, texts: tree.texts.map(() => null) } },
    "probabilities that are none": { ...round, tree: { ...tree, probabilities: tree.texts } },
  } satisfies Record<string, unknown>;
  for (const [name, value] of Object.entries(broken)) assert.ok(!isRound(value as SpeculationRound), name);
});
