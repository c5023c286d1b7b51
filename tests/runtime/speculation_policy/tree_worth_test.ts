/**
 * Figures about fixed trees: costs in, warnings out.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  treeWorth,
  warnBeforehand,
  warnByAcceptance,
} from "../../../runtime/speculation_policy/tree_worth.ts";
import { zeroCounts } from "../../../runtime/contracts/speculation_counts.ts";
import type { DraftingConfig } from "../../../runtime/contracts/speculation_config.ts";

/** A forward takes 1 ms and 0.5 for every row beyond the first, a level of drafts 0.5. */
const COSTS = {
  forwardMs: { sizes: [1, 65], ms: [1, 33] },
  draftMs: { firstMs: { sizes: [1], ms: [0.5] }, levelMs: { sizes: [1], ms: [0.5] }, tokenMs: 0 },
};

function configOf(numSteps: number, numDraftTokens: number, adaptive = false): DraftingConfig {
  return {
    ...COSTS,
    numSteps,
    numNodes: numDraftTokens - 1,
    topk: 4,
    adaptive,
    keyIncludesNextToken: true,
    contextMs: { perSequence: 0, perRow: 0 },
  };
}

function usageOf(numVerifications: number, numAccepted: number, nodesEach: number) {
  return { ...zeroCounts(), numVerifications, numAccepted, numProposed: nodesEach * numVerifications };
}

Deno.test("break-even is what drafts and forward take over a plain step", () => {
  const tree = { numLevels: 3, numNodes: 15, numTokens: 2, numSequences: 1 };
  // 1 + 15 * 0.5 + 3 * 0.5
  assert.deepEqual(treeWorth(COSTS, tree), { breakEven: 10, speed: 0.2 });
  // Of two: (1 + 31 * 0.5 + 3 * 0.5) / 1.5
  assert.deepEqual(treeWorth(COSTS, { ...tree, numSequences: 2, numTokens: 6 }), {
    breakEven: 12,
    speed: 0.5,
  });
  assert.deepEqual(treeWorth(COSTS, { ...tree, numNodes: 0, numLevels: 0, numTokens: 1 }), {
    breakEven: 1,
    speed: 1,
  });
});

Deno.test("trees that cannot pay even if all is accepted are warned of beforehand, others are not", () => {
  assert.equal(
    warnBeforehand(configOf(5, 64)),
    "Speculation cannot pay here: trees of 5 levels and 64 tokens run at 0.17x of plain decoding at best " +
      "(accept length: break-even 35.00, best possible 6). --speculative-adaptive drafts only what pays",
  );
  assert.match(warnBeforehand(configOf(3, 16))!, /0\.40x .* break-even 10\.00, best possible 4\)/);
  assert.match(warnBeforehand(configOf(9, 8))!, /best possible 8\)/, "no more than there are nodes");
  assert.equal(warnBeforehand(configOf(5, 64, true)), undefined);
  // As fast as plain decoding is fast enough.
  assert.equal(warnBeforehand(configOf(1, 2)), undefined);
});

Deno.test("trees that do not pay as they are accepted are warned of with what was seen", () => {
  const chain = configOf(1, 2);
  assert.equal(
    warnByAcceptance(chain, usageOf(256, 128, 1), 1),
    "Speculation does not pay here: trees of 1 level and 2 tokens run at 0.75x of plain decoding (accept length: " +
      "break-even 2.00, 1.50 in the first 256 verifications, best possible 2). " +
      "--speculative-adaptive drafts only what pays",
  );
  assert.equal(warnByAcceptance(chain, usageOf(256, 256, 1), 1), undefined);
  assert.equal(warnByAcceptance({ ...chain, adaptive: true }, usageOf(256, 0, 1), 1), undefined);
  assert.equal(warnByAcceptance(chain, usageOf(0, 0, 1), 1), undefined);
});

Deno.test("what is looked up counts as large as it was, and with those it was verified beside", () => {
  const config = configOf(3, 16);
  assert.match(warnByAcceptance(config, usageOf(256, 256, 15), 1)!, /0\.20x .* break-even 10\.00/);
  assert.match(warnByAcceptance(config, usageOf(256, 256, 1), 1)!, /0\.67x .* break-even 3\.00/);
  assert.match(warnByAcceptance(config, usageOf(256, 256, 15), 2)!, /0\.17x .* break-even 12\.00/);
});
