/**
 * Draft trees under verification, by example and against judges that follow the definitions.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  acceptPath,
  ancestorMasks,
  chainOf,
  childrenOf,
  depthsOf,
  pathTokens,
  pruneTree,
} from "../../../runtime/contracts/draft_tree.ts";

/** A tree as EAGLE-2 grows one (arXiv 2406.16858), without its root: 10 and 11; 20 and 21 below 10; 30 below 20. */
const EXAMPLE = {
  tokens: Int32Array.of(10, 11, 20, 21, 30),
  parents: Int32Array.of(-1, -1, 0, 0, 2),
  probabilities: Float32Array.of(.6, .3, .3, .24, .27),
};

const trees = fc.array(fc.record({ parent: fc.nat(), token: fc.nat({ max: 3 }) }), { maxLength: 63 }).map((
  nodes,
) => ({
  tokens: Int32Array.from(nodes, ({ token }) => token),
  parents: Int32Array.from(nodes, ({ parent }, i) => parent % (i + 1) - 1),
  probabilities: new Float32Array(nodes.length).fill(.5),
}));

/** The nodes on the way to a node, by definition. */
function ancestry(parents: Int32Array, node: number): number[] {
  return node < 0 ? [] : [...ancestry(parents, parents[node]!), node];
}

Deno.test("the worked example's depths, masks and children", () => {
  assert.deepEqual([...depthsOf(EXAMPLE.parents)], [1, 1, 2, 2, 3]);
  // The example's rows without the root's column, first node first.
  const rows = Array.from(
    ancestorMasks(EXAMPLE.parents),
    (mask) => Array.from({ length: 5 }, (_, bit) => Number(mask >> BigInt(bit) & 1n)).join(""),
  );
  assert.deepEqual(rows, ["10000", "01000", "10100", "10010", "10101"]);
  assert.deepEqual([-1, 0, 1, 2, 3, 4].map((node) => childrenOf(EXAMPLE, node)), [
    [0, 1],
    [2, 3],
    [],
    [4],
    [],
    [],
  ]);
});

Deno.test("the worked example's verification: 11, then 23, which no node carries", () => {
  const drawn: Record<number, number> = { [-1]: 11, 1: 23 };
  assert.deepEqual(acceptPath(EXAMPLE, (node) => drawn[node]!), [1]);
});

Deno.test("masks, depths and paths are the ancestry's", () => {
  fc.assert(fc.property(trees, (tree) => {
    const masks = ancestorMasks(tree.parents), depths = depthsOf(tree.parents);
    for (const node of tree.parents.keys()) {
      const nodes = ancestry(tree.parents, node);
      assert.equal(masks[node], nodes.reduce((mask, at) => mask | 1n << BigInt(at), 0n));
      assert.equal(depths[node], nodes.length);
      assert.deepEqual(pathTokens(tree, node), nodes.map((at) => tree.tokens[at]));
    }
  }));
});

Deno.test("what is accepted is the longest path that carries what was drawn at its parents", () => {
  fc.assert(
    fc.property(trees, fc.array(fc.nat({ max: 3 }), { minLength: 64, maxLength: 64 }), (tree, draws) => {
      const drawn = (node: number) => draws[node + 1]!;
      const isAccepted = (node: number): boolean =>
        node < 0 || (isAccepted(tree.parents[node]!) && drawn(tree.parents[node]!) === tree.tokens[node]);
      const path = acceptPath(tree, drawn);
      assert.ok(path.every(isAccepted));
      const deepest = Math.max(
        0,
        ...[...tree.parents.keys()].filter(isAccepted).map((node) => ancestry(tree.parents, node).length),
      );
      assert.ok(path.length <= deepest);
      const distinct = [...tree.parents.keys()].every((node) =>
        childrenOf(tree, tree.parents[node]!).every((other) =>
          other === node || tree.tokens[other] !== tree.tokens[node]
        )
      );
      if (distinct) assert.equal(path.length, deepest);
    }),
  );
});

Deno.test("pruning keeps chosen nodes whose parents are kept, in order", () => {
  const pruned = pruneTree(EXAMPLE, (node) => node !== 2 && node !== 1);
  assert.deepEqual([...pruned.tokens], [10, 21]);
  assert.deepEqual([...pruned.parents], [-1, 0]);
  assert.deepEqual([...pruneTree(EXAMPLE, () => true).parents], [...EXAMPLE.parents]);
  assert.equal(pruneTree(EXAMPLE, () => false).tokens.length, 0);
});

Deno.test("a chain is a tree of only children", () => {
  assert.deepEqual([...chainOf(Int32Array.of(4, 5, 6), new Float32Array(3)).parents], [-1, 0, 1]);
});
