/**
 * Draft trees: the worked example of EAGLE-2's algorithm, and a judge that looks at every path.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { DraftTree } from "../../../runtime/contracts/draft_tree.ts";
import { MAX_GROWN_ROWS, TreeGrowth } from "../../../runtime/speculation/tree_growth.ts";

/** Children of a node, given the tokens from the root to it: most probable first. */
type Model = (path: readonly number[]) => readonly (readonly [token: number, probability: number])[];

/** Grows a tree as a proposer does; also returns the masks of the rows that were run. */
function grow(
  model: Model,
  levels: number,
  topk: number,
  numNodes: number,
): { tree: DraftTree; rows: Row[] } {
  const growth = new TreeGrowth(topk), rows: Row[] = [];
  const paths = new Map<number, readonly number[]>([[-1, []]]);
  let size = 0;
  const expand = (parent: number) => {
    for (const [token, probability] of model(paths.get(parent)!).slice(0, topk)) {
      paths.set(size++, [...paths.get(parent)!, token]);
      growth.add(parent, token, Math.log(probability), 0);
    }
  };
  growth.begin(topk, numNodes);
  expand(-1);
  for (let level = 1; level < levels; level++) {
    const frontier = growth.frontier.slice(0, growth.advance());
    for (const candidate of frontier) {
      assert.equal(growth.tokenOf(candidate), paths.get(candidate)!.at(-1));
      rows.push({ path: paths.get(candidate)!, mask: growth.maskOf(candidate) });
    }
    for (const candidate of frontier) expand(candidate);
  }
  return { tree: growth.finish(), rows };
}

interface Row {
  readonly path: readonly number[];
  readonly mask: bigint;
}

const EXAMPLE: Record<string, readonly (readonly [number, number])[]> = {
  "": [[10, .6], [11, .3]],
  "10": [[20, .5], [21, .4]],
  "11": [[23, .7], [24, .2]],
  "10,20": [[30, .9], [31, .05]],
  "10,21": [[33, .5], [34, .3]],
};

Deno.test("the worked example: 2 beams, 3 levels, 5 nodes behind the root", () => {
  const { tree, rows } = grow((path) => EXAMPLE[path.join()]!, 3, 2, 5);
  assert.deepEqual([...tree.tokens], [10, 11, 20, 21, 30]);
  assert.deepEqual([...tree.parents], [-1, -1, 0, 0, 2]);
  assert.deepEqual(
    [...tree.probabilities].map((p) => Math.round(p * 1000) / 1000),
    [.6, .3, .3, .24, .27],
  );
  assert.deepEqual(rows.map(({ mask }) => mask.toString(2).padStart(4, "0")), [
    "0001",
    "0010",
    "0101",
    "1001",
  ]);
});

Deno.test("one child per node makes a chain as long as there are levels", () => {
  const { tree } = grow((path) => [[path.length, .5]], 5, 1, 63);
  assert.deepEqual([...tree.tokens], [0, 1, 2, 3, 4]);
  assert.deepEqual([...tree.parents], [-1, 0, 1, 2, 3]);
});

/** EAGLE-2 without any shortcut: every beam of every level is expanded, then all candidates are sorted. */
function judge(model: Model, levels: number, topk: number, numNodes: number): Map<string, number> {
  interface Candidate {
    readonly path: readonly number[];
    readonly p: number;
  }
  const children = ({ path, p }: Candidate) =>
    model(path).slice(0, topk).map(([token, q]) => ({ path: [...path, token], p: p * q }));
  const byProbability = (a: Candidate, b: Candidate) => b.p - a.p;
  let level = children({ path: [], p: 1 });
  const all = [...level];
  for (let i = 1; i < levels; i++) {
    level = level.toSorted(byProbability).slice(0, topk).flatMap(children);
    all.push(...level);
  }
  return new Map(all.toSorted(byProbability).slice(0, numNodes).map(({ path, p }) => [path.join(), p]));
}

Deno.test("any tree: the best nodes of EAGLE-2, parents first, siblings in order, masks of ancestors", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 6 }),
    fc.integer({ min: 1, max: 8 }),
    fc.integer({ min: 1, max: 63 }),
    fc.integer(),
    (levels, topk, numNodes, seed) => {
      fc.pre((levels - 1) * topk <= MAX_GROWN_ROWS);
      const model: Model = (path) => {
        const noise = path.reduce((h, token) => Math.imul(h ^ token, 0x9E3779B1) >>> 0, seed >>> 0);
        const weights = Array.from({ length: 8 }, (_, i) => 1 + (Math.imul(noise + i, 0x85EBCA6B) >>> 20));
        const total = weights.reduce((sum, w) => sum + w, 0) * 1.1;
        return weights.map((w, token) => [token, w / total] as const).toSorted((a, b) => b[1] - a[1]);
      };
      const { tree, rows } = grow(model, levels, topk, numNodes);
      const paths: string[] = [];
      tree.tokens.forEach((token, i) => {
        const parent = tree.parents[i]!;
        assert.ok(parent < i);
        paths.push(parent < 0 ? `${token}` : `${paths[parent]},${token}`);
        const elder = tree.parents.lastIndexOf(parent, i - 1);
        if (i > 0 && elder >= 0) assert.ok(tree.probabilities[elder]! >= tree.probabilities[i]!);
      });
      const expected = judge(model, levels, topk, numNodes);
      assert.deepEqual(new Set(paths), new Set(expected.keys()));
      paths.forEach((path, i) => {
        assert.ok(Math.abs(tree.probabilities[i]! - expected.get(path)!) < 1e-6);
      });
      rows.forEach(({ path, mask }, i) => {
        const seen = rows.filter((_, j) => mask >> BigInt(j) & 1n).map((row) => row.path.join());
        assert.deepEqual(seen, path.map((_, depth) => path.slice(0, depth + 1).join()));
        assert.ok(mask >> BigInt(i) === 1n, "a row sees itself last");
      });
    },
  ));
});

Deno.test("a head that says NaN proposes nothing, and no tree takes more rows than a mask has bits", () => {
  assert.equal(grow(() => [[1, NaN]], 3, 2, 5).tree.tokens.length, 0);
  const { rows } = grow(() => Array.from({ length: 10 }, (_, i) => [i, .1] as const), 9, 10, 63);
  assert.ok(rows.length <= MAX_GROWN_ROWS);
});
