/** Draft trees as nodes, and their layout. */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { SpeculationRound } from "../../../web/api/answer.ts";
import { childrenOf, draftNodesOf, ROOT } from "../../../web/tokens/draft_nodes.ts";
import { type Box, layOutTree } from "../../../web/tokens/tree_layout.ts";
import { draftedRound, plainRound, SHORT } from "./canned_answers.ts";

const MEASURES = {
  nodeHeight: 38,
  columnGap: 20,
  rowGap: 8,
  rootWidth: 50,
  widthOf: ({ text }: { text: string }) => 40 + 8 * text.length,
};

/** Rounds with trees of up to 63 nodes, of which a path from the root down is accepted. */
const rounds: fc.Arbitrary<SpeculationRound> = fc.array(
  fc.record({
    parent: fc.nat(),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    text: fc.string({ maxLength: 16 }),
  }),
  { minLength: 1, maxLength: 63 },
).chain((drafts) => {
  const nodes: [string, number, number][] = [];
  for (const [index, { parent, share, text }] of drafts.entries()) {
    const above = parent % (index + 1) - 1;
    nodes.push([text, above, share * (nodes[above]?.[2] ?? 1)]);
  }
  return fc.tuple(fc.integer({ min: -1, max: nodes.length - 1 }), fc.option(fc.string(), { nil: undefined }))
    .map(([last, bonus]) => {
      const path: number[] = [];
      for (let node = last; node !== ROOT; node = nodes[node]![1]) path.unshift(node);
      return draftedRound(nodes, path, bonus);
    });
});

Deno.test("draft nodes: probabilities of the steps of a path multiply to that of the path", () => {
  fc.assert(fc.property(rounds, (round) => {
    const { nodes } = draftNodesOf(round)!;
    for (const { kind, parent, conditional, product } of nodes) {
      if (kind === "drawn") continue;
      assert.ok(conditional! >= 0 && conditional! <= 1);
      const above = parent === ROOT ? 1 : nodes[parent]!.product!;
      assert.ok(Math.abs(above * conditional! - product!) < 1e-9);
    }
  }));
});

Deno.test("draft nodes: accepted nodes and the drawn one are the tokens of the round, in their order", () => {
  fc.assert(fc.property(rounds, (round) => {
    const { nodes } = draftNodesOf(round)!, taken: string[] = [];
    for (let at = ROOT;;) {
      const next = childrenOf(nodes, at)[0];
      if (next === undefined || next.kind === "rejected") break;
      taken.push(next.text);
      at = next.index;
    }
    assert.deepEqual(taken, round.tokens.map(({ text }) => text));
  }));
});

Deno.test("draft nodes: say why the draw left the tree", () => {
  const nodes: [string, number, number][] = [["a", -1, 0.5], ["b", -1, 0.2], ["c", 0, 0.4]];
  const leftBy = (round: SpeculationRound) => draftNodesOf(round)!.left;
  assert.deepEqual(leftBy(draftedRound(nodes, [], "x")), { reason: "not drafted", numDrafts: 2 });
  assert.deepEqual(leftBy(draftedRound(nodes, [0], "x")), { reason: "not drafted", numDrafts: 1 });
  assert.deepEqual(leftBy(draftedRound(nodes, [0, 2], "x")), { reason: "no more drafts" });
  assert.deepEqual(leftBy(draftedRound(nodes, [0], undefined)), { reason: "ended" });
  assert.equal(draftNodesOf(plainRound("x")), undefined);
});

Deno.test("tree layout: nodes do not overlap and lie within its size", () => {
  fc.assert(fc.property(rounds, (round) => {
    const { nodes } = draftNodesOf(round)!, layout = layOutTree(nodes, MEASURES);
    assert.equal(layout.nodes.length, nodes.length);
    const boxes: Box[] = [layout.root, ...layout.nodes];
    for (const [index, a] of boxes.entries()) {
      assert.ok(a.x >= 0 && a.y >= 0);
      assert.ok(a.x + a.width <= layout.width && a.y + a.height <= layout.height);
      for (const b of boxes.slice(index + 1)) {
        const overlaps = a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height &&
          b.y < a.y + a.height;
        assert.ok(!overlaps);
      }
    }
    for (const { node, x, width, from } of layout.nodes) {
      assert.ok(width >= MEASURES.widthOf(node));
      assert.ok(x > from.x + from.width, "children stand behind their parent");
    }
  }));
});

Deno.test("tree layout: what was drawn runs along the top", () => {
  const { nodes } = draftNodesOf(SHORT.rounds[1]!)!, layout = layOutTree(nodes, MEASURES);
  const top = layout.nodes.filter(({ y }) => y === 0).map(({ node }) => node.text);
  assert.deepEqual(top, [" quick", " brown", " fox"]);
});

Deno.test("tree layout: leaves stand beside the branches of their siblings, and no two lines meet", () => {
  const round = draftedRound([["a", -1, 0.9], ["b", 0, 0.8], ["c", 1, 0.7], ["d", 1, 0.1], ["e", -1, 0.1]], [
    0,
    1,
  ], "x");
  const rows = layOutTree(draftNodesOf(round)!.nodes, MEASURES).nodes.map((
    { node, y },
  ) => [node.text, y / 46]);
  assert.deepEqual(Object.fromEntries(rows), { a: 0, b: 0, x: 0, c: 1, d: 2, e: 1 });
  fc.assert(fc.property(rounds, (round) => {
    const { nodes } = layOutTree(draftNodesOf(round)!.nodes, MEASURES);
    // Lines down to the children of a node, in the gap before them.
    const lines = Map.groupBy(nodes, ({ x, from }) => `${x} ${from.y}`).values().map((children) => ({
      x: children[0]!.x,
      top: children[0]!.from.y,
      bottom: Math.max(...children.map(({ y }) => y)),
    })).toArray();
    for (const a of lines) {
      for (const b of lines) {
        assert.ok(a === b || a.x !== b.x || a.bottom < b.top || b.bottom < a.top);
      }
    }
  }));
});
