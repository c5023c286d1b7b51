/**
 * How much is drafted, against the definition: the most tokens per time.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { StepLoad } from "../../../runtime/contracts/draft_policy.ts";
import {
  chooseForced,
  chooseLevels,
  chooseNodes,
  costAt,
  type Costs,
  isFree,
  probeCost,
} from "../../../runtime/speculation_policy/draft_budget.ts";

/** Costs of a forward of n rows, of a first level and of further ones. */
function costsOf(forward: (rows: number) => number, first: number, level: number): Costs {
  const sizes = [1, 2, 4, 8, 16, 32, 64];
  const flat = (ms: number) => ({ sizes: [1], ms: [ms] });
  return {
    forwardMs: { sizes, ms: sizes.map(forward) },
    contextMs: { perSequence: 0, perRow: 0 },
    draftMs: { firstMs: flat(first), levelMs: flat(level), tokenMs: 0 },
    draftScale: 1,
    draftedScale: 1,
    overheadMs: 0,
  };
}

/** Sequences that may all be drafted for, with `numContextTokens` in all. */
function loadOf(numDecoding: number, numContextTokens: number): StepLoad {
  const draftable = { numSequences: numDecoding, numContextTokens };
  return { numDecoding, numPrefillRows: 0, numContextTokens, draftable };
}

const alone = loadOf(1, 0);
const rising = fc.array(fc.double({ min: 0.01, max: 5, noNaN: true }), { minLength: 7, maxLength: 7 })
  .map((steps) => {
    const sizes = [1, 2, 4, 8, 16, 32, 64];
    let sum = 0;
    return { sizes, ms: steps.map((step) => sum += step) };
  });

Deno.test("a curve is straight between its points and goes on beyond them, never below zero", () => {
  const curve = { sizes: [1, 2, 4], ms: [10, 12, 20] };
  assert.deepEqual([1, 2, 3, 4, 6].map((size) => costAt(curve, size)), [10, 12, 16, 20, 28]);
  assert.equal(costAt({ sizes: [2, 4], ms: [1, 9] }, 1), 0);
  assert.equal(costAt({ sizes: [1], ms: [7] }, 40), 7);
});

Deno.test("free drafts are drafted as deep as they go, useless and expensive ones not at all", () => {
  const certain = (levels: number) => ({ accepted: levels, nodes: levels });
  const useless = (levels: number) => ({ accepted: 0, nodes: levels });
  assert.equal(chooseLevels(costsOf(() => 10, 0, 0), alone, 5, certain), 5);
  assert.equal(chooseLevels(costsOf((rows) => 10 + rows, 1, 1), alone, 5, useless), 0);
  assert.equal(chooseLevels(costsOf(() => 10, 30, 30), alone, 5, certain), 0);
  assert.equal(
    chooseLevels(costsOf((rows) => 10 * rows, 0.01, 0), alone, 5, useless),
    5,
    "which costs nothing",
  );
  // Each level costs half a forward and is reached half as often: one pays, two do not.
  const halves = (levels: number) => ({ accepted: 1 - 0.5 ** levels, nodes: levels });
  assert.equal(chooseLevels(costsOf(() => 10, 4, 4), alone, 5, halves), 1);
});

Deno.test("the same drafts pay at the beginning, but not far on, where rows are expensive", () => {
  const costs = {
    ...costsOf((rows) => 10 + 0.1 * rows, 1, 1),
    contextMs: { perSequence: 0.001, perRow: 0.004 },
  };
  const good = (levels: number) => ({ accepted: 0.4 * levels, nodes: levels });
  assert.equal(chooseLevels(costs, alone, 3, good), 3);
  assert.equal(chooseLevels(costs, loadOf(1, 4000), 3, good), 0);
  assert.equal(chooseNodes(costs, alone, 1, [0.4, 0.3]), 2);
  assert.equal(chooseNodes(costs, loadOf(1, 4000), 1, [0.4, 0.3]), 0);
});

Deno.test("the same drafts pay for one sequence, but not for a batch whose rows are expensive", () => {
  const costs = costsOf((rows) => rows <= 4 ? 10 : 10 + (rows - 4) * 2.5, 1, 1);
  const good = (levels: number) => ({ accepted: 0.7 * levels, nodes: levels });
  assert.ok(chooseLevels(costs, alone, 3, good) > 0);
  assert.equal(
    chooseLevels(costs, loadOf(32, 0), 3, (levels) => ({
      ...good(levels),
      accepted: 0.3 * levels,
    })),
    0,
  );
});

Deno.test("the nodes chosen are as many as make tokens come fastest", () => {
  fc.assert(fc.property(
    rising,
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 }),
    fc.double({ min: 0, max: 5, noNaN: true }),
    fc.integer({ min: 1, max: 8 }),
    (forwardMs, probabilities, spentMs, numDecoding) => {
      const sorted = probabilities.sort((a, b) => b - a);
      const costs = { ...costsOf(() => 1, 1, 1), forwardMs };
      const rate = (count: number) =>
        (numDecoding + sorted.slice(0, count).reduce((sum, p) => sum + p, 0)) /
        (spentMs + costAt(forwardMs, numDecoding + count));
      const chosen = chooseNodes(costs, loadOf(numDecoding, 0), spentMs, sorted);
      for (let count = 0; count <= sorted.length; count++) {
        assert.ok(rate(chosen) >= rate(count) - 1e-12, `${chosen} is worse than ${count}`);
      }
    },
  ));
});

Deno.test("a prompt that shares the forward is not paid for by drafts", () => {
  const costs = costsOf((rows) => 10 + rows, 0, 0);
  const beside = { ...alone, numPrefillRows: 64 };
  assert.equal(chooseNodes(costs, beside, 0, [0.05, 0.05]), 0);
  assert.equal(
    chooseNodes(costs, beside, 0, [0.99, 0.98]),
    0,
    "every row costs as much as the token it may bring",
  );
});

Deno.test("sequences that decode plainly have no tree to pay for, and their contexts are no nodes' business", () => {
  const costs = { ...costsOf(() => 10, 0, 0), contextMs: { perSequence: 0, perRow: 0.001 } };
  const draftMs = { firstMs: { sizes: [1, 8], ms: [1, 80] }, levelMs: { sizes: [1], ms: [0] }, tokenMs: 0 };
  const good = (levels: number) => ({ accepted: 2 * levels, nodes: levels });
  const all = loadOf(8, 8000), one = { ...all, draftable: { numSequences: 1, numContextTokens: 0 } };
  assert.equal(chooseLevels({ ...costs, draftMs }, all, 1, good), 0);
  assert.equal(chooseLevels({ ...costs, draftMs }, one, 1, good), 1);
  // The gain is that of one tree, too.
  const dear = { ...draftMs, firstMs: { sizes: [1], ms: [6] } };
  assert.equal(chooseLevels({ ...costs, draftMs: dear }, one, 1, good), 0);
  assert.equal(chooseNodes(costs, loadOf(2, 8000), 0, [0.3]), 0);
  assert.equal(chooseNodes(costs, { ...loadOf(2, 8000), draftable: one.draftable }, 0, [0.3]), 1);
});

Deno.test("drafts are free, and a probe costs, by those it is made for", () => {
  const draftMs = {
    firstMs: { sizes: [1, 8], ms: [0.05, 8] },
    levelMs: { sizes: [1, 8], ms: [1, 8] },
    tokenMs: 0,
  };
  const costs = { ...costsOf(() => 10, 0, 0), draftMs };
  const all = loadOf(8, 0), one = { ...all, draftable: { numSequences: 1, numContextTokens: 0 } };
  assert.deepEqual([isFree(costs, all, 1), isFree(costs, one, 1)], [false, true]);
  const probe = { numPaying: 1, numLevels: 2, numPending: 0 };
  assert.deepEqual([probeCost(costs, all, probe), probeCost(costs, one, probe)], [8, 1]);
});

Deno.test("forced tokens are verified as long as a row costs less than the step that it saves", () => {
  const step = { numNodes: 0, numSequences: 1, hasDrafts: false };
  const cheap = costsOf((rows) => 9 + rows, 1, 1), dear = costsOf((rows) => 10 * rows, 1, 1);
  assert.equal(chooseForced(cheap, alone, step, 6), 6);
  assert.equal(chooseForced(dear, alone, step, 6), 0);
  // Of many sequences each row costs what a token of a batch does.
  const busy = costsOf((rows) => Math.max(9 + rows, 3 * rows), 1, 1);
  assert.ok(
    chooseForced(busy, loadOf(16, 0), { ...step, numSequences: 16 }, 6) < chooseForced(busy, alone, step, 6),
  );
});
