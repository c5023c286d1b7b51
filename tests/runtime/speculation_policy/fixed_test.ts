import assert from "node:assert/strict";
import { chainOf } from "../../../runtime/contracts/draft_tree.ts";
import { zeroCounts } from "../../../runtime/contracts/speculation_counts.ts";
import { createPolicy } from "../../../runtime/speculation_policy/create_policy.ts";
import type { DraftLoad } from "../../../runtime/contracts/draft_policy.ts";
import { fixedDrafting } from "../../support/scheduler_actor.ts";

const candidate = { isSampled: false, wasDrafted: true, numPending: 2, numTokensLeft: 9 };
const load: DraftLoad = {
  numDecoding: 2,
  numPrefillRows: 0,
  numContextTokens: 20,
  draftable: { numSequences: 2, numContextTokens: 20 },
  canDraft: true,
  candidates: [candidate, { ...candidate, isSampled: true, numPending: 900 }],
};

Deno.test("without speculation there is no policy", () => {
  assert.equal(createPolicy(undefined), undefined);
});

Deno.test("fixed trees are drafted for all, as deep as flags say, and verified whole, whatever came of them", () => {
  const policy = createPolicy(fixedDrafting)!, plan = policy.plan(load)!;
  assert.deepEqual(plan, { numLevels: 2, candidates: [0, 1] });
  const trees = [
    chainOf(Int32Array.of(1, 2), Float32Array.of(1e-6, 1e-9)),
    chainOf(Int32Array.of(3), Float32Array.of(0)),
  ];
  const drafted = { candidates: [0, 1], trees, draftMs: 1e6, load };
  assert.deepEqual(policy.select(plan, drafted), trees);
  const verified = trees.map((tree) => ({
    tree,
    numLevels: 2,
    numDecoding: 2,
    isSampled: false,
    accepted: new Int32Array(0),
  }));
  for (let i = 0; i < 300; i++) {
    policy.observe({ type: "drafted", plan, drafted });
    policy.observe({ type: "stepped", undrafted: undefined, forward: undefined, verified });
  }
  assert.deepEqual(policy.plan(load), plan);
  assert.equal(policy.numLevels, 2);
});

Deno.test("nothing is drafted where nobody decodes or somebody would have to be preempted", () => {
  const policy = createPolicy(fixedDrafting)!;
  assert.equal(policy.plan({ ...load, canDraft: false }), undefined);
  assert.equal(policy.plan({ ...load, numDecoding: 0, candidates: [] }), undefined);
  assert.equal(policy.plan({ ...load, candidates: [] }), undefined, "all decode plainly");
});

Deno.test("only fixed trees are warned of: the adaptive policy leaves out what does not pay", () => {
  const usage = { ...zeroCounts(), numVerifications: 256, numProposed: 512 };
  const costly = {
    ...fixedDrafting,
    draftMs: { ...fixedDrafting.draftMs, firstMs: fixedDrafting.forwardMs },
  };
  assert.match(createPolicy(costly)!.warning(usage, 1)!, /Speculation does not pay here/);
  assert.equal(createPolicy({ ...costly, adaptive: true })!.warning(usage, 1), undefined);
});
