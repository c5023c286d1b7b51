/**
 * What the speculation flags come to.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { ServerArgs } from "../../../../runtime/contracts/server_args.ts";
import type { TreeShape } from "../../../../runtime/contracts/speculation_config.ts";
import { proposerEntry } from "../../../../runtime/speculation/registry.ts";
import { completeTree, planSpeculation } from "../../../../runtime/speculation/setup/speculation_plan.ts";
import { defaultArgs } from "../../../support/test_engine.ts";

const LLAMA = "LlamaForCausalLM";

function plan(algorithm: string, args: ServerArgs, architecture = LLAMA) {
  return planSpeculation(proposerEntry(algorithm), args, architecture);
}

/** Steps, top-k and draft tokens for these flags. */
function shapeOf(algorithm: string, numSteps?: number, topk?: number, tokens?: number, architecture = LLAMA) {
  const { config } = plan(algorithm, {
    ...defaultArgs,
    ...(numSteps !== undefined && { speculativeNumSteps: numSteps }),
    ...(topk !== undefined && { speculativeEagleTopk: topk }),
    ...(tokens !== undefined && { speculativeNumDraftTokens: tokens }),
  }, architecture);
  return [config.numSteps, config.topk, config.numDraftTokens];
}

Deno.test("without flags the shape is SGLang's, and adaptive", () => {
  assert.deepEqual(shapeOf("EAGLE3"), [5, 4, 8]);
  assert.deepEqual(shapeOf("EAGLE3", undefined, undefined, undefined, "MiMoForCausalLM"), [3, 1, 4]);
  assert.deepEqual(shapeOf("STANDALONE"), [3, 1, 4]);
  assert.deepEqual(shapeOf("NGRAM"), [11, 10, 12]);
  assert.equal(plan("EAGLE", defaultArgs).config.adaptive, true);
  const fixed = { ...defaultArgs, speculativeNumSteps: 3 };
  assert.equal(plan("EAGLE", fixed).config.adaptive, false);
  assert.equal(
    plan("EAGLE", { ...fixed, speculativeAdaptive: true }).config.adaptive,
    true,
  );
});

Deno.test("shapes that are given in full are taken as they are", () => {
  for (const shape of [[3, 4, 16], [5, 4, 8], [5, 8, 64], [5, 8, 32], [1, 1, 2], [7, 1, 8]] as const) {
    assert.deepEqual(shapeOf("EAGLE3", ...shape), [...shape]);
  }
});

Deno.test("trees that cannot be expanded to their last level are remarked upon", () => {
  const notes = (algorithm: string, speculativeNumSteps: number, speculativeEagleTopk: number) =>
    plan(algorithm, { ...defaultArgs, speculativeNumSteps, speculativeEagleTopk }).notes;
  assert.match(notes("EAGLE3", 10, 10).join(), /10 steps of 10: growth ends when 64 nodes are expanded/);
  assert.deepEqual(notes("EAGLE3", 9, 8), []);
  assert.deepEqual(notes("EAGLE3", 63, 1), []);
  assert.deepEqual(notes("NGRAM", 10, 10), []);
});

Deno.test("shapes that are given in part are completed", () => {
  assert.deepEqual(shapeOf("EAGLE3", 3), [3, 4, 8]);
  assert.deepEqual(shapeOf("EAGLE3", undefined, 1), [5, 1, 6]);
  assert.deepEqual(shapeOf("EAGLE3", undefined, undefined, 32), [5, 4, 32]);
  assert.deepEqual(shapeOf("EAGLE3", 4, undefined, 5), [4, 1, 5]);
  assert.deepEqual(shapeOf("EAGLE3", undefined, 1, 7), [6, 1, 7]);
  assert.deepEqual(shapeOf("STANDALONE", 6), [6, 1, 7]);
  assert.deepEqual(shapeOf("NGRAM", undefined, undefined, 20), [19, 10, 20]);
});

Deno.test("a chain has a token more than steps, a tree no more than it can grow; both are remarked upon", () => {
  const automatic = { numSteps: 5, topk: 4, numDraftTokens: 8 };
  const chain = completeTree({ numSteps: 3, topk: 1, numDraftTokens: 16 }, automatic);
  assert.deepEqual(chain.shape, { numSteps: 3, topk: 1, numDraftTokens: 4 });
  assert.match(chain.notes.join(), /16 becomes 4/);
  const tree = completeTree({ numSteps: 1, topk: 3, numDraftTokens: 16 }, automatic);
  assert.deepEqual(tree.shape, { numSteps: 1, topk: 3, numDraftTokens: 4 });
  assert.match(tree.notes.join(), /16 becomes 4/);
});

Deno.test("more than a tree can be is refused with the flag's name", () => {
  assert.throws(() => shapeOf("EAGLE", 3, 4, 65), /--speculative-num-draft-tokens 65, expected at most 64/);
  assert.throws(() => shapeOf("EAGLE", 3, 21, 8), /--speculative-eagle-topk 21/);
});

Deno.test("whatever is given, the shape can be grown and keeps what it can", () => {
  const one = (max: number) => fc.option(fc.integer({ min: 1, max }), { nil: undefined });
  const automatics: TreeShape[] = [{ numSteps: 5, topk: 4, numDraftTokens: 8 }, {
    numSteps: 3,
    topk: 1,
    numDraftTokens: 4,
  }];
  fc.assert(
    fc.property(one(63), one(20), one(64), fc.constantFrom(...automatics), (steps, k, tokens, automatic) => {
      const given = {
        ...(steps !== undefined && { numSteps: steps }),
        ...(k !== undefined && { topk: k }),
        ...(tokens !== undefined && tokens > 1 && { numDraftTokens: tokens }),
      };
      const { shape: { numSteps, topk, numDraftTokens } } = completeTree(given, automatic);
      assert.ok(numDraftTokens >= 2 && numDraftTokens <= 64);
      assert.ok(numDraftTokens - 1 <= topk + (numSteps - 1) * topk * topk);
      if (topk === 1) assert.equal(numDraftTokens, numSteps + 1);
      if (steps !== undefined) assert.equal(numSteps, steps);
      if (k !== undefined) assert.equal(topk, k);
    }),
  );
});
