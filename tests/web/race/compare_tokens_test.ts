/** Two runs of a race, compared while they are written and at their end. */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { compareTokens, type TokenRun } from "../../../web/race/compare_tokens.ts";

const run = (ids: readonly number[], hasEnded: boolean): TokenRun => ({
  tokens: ids.map((id) => ({ id, text: `<${id}>` })),
  hasEnded,
});

Deno.test("compare tokens: equal runs are equal once both have ended", () => {
  assert.deepEqual(compareTokens(run([1, 2, 3], true), run([1, 2, 3], true)), {
    verdict: "equal",
    numEqual: 3,
  });
  assert.deepEqual(compareTokens(run([], true), run([], true)), { verdict: "equal", numEqual: 0 });
});

Deno.test("compare tokens: while a run goes on, what only the other one has says nothing", () => {
  for (const [first, second] of [[[1, 2, 3], [1]], [[1], [1, 2, 3]], [[1], []]] as const) {
    const numEqual = Math.min(first.length, second.length), verdict = "equal so far";
    assert.deepEqual(compareTokens(run(first, false), run(second, false)), { verdict, numEqual });
    // The longer one has ended, the shorter one may follow.
    const isFirst = first.length > second.length;
    assert.deepEqual(compareTokens(run(first, isFirst), run(second, !isFirst)), { verdict, numEqual });
  }
});

Deno.test("compare tokens: the first difference is named, with what both have there", () => {
  assert.deepEqual(compareTokens(run([1, 2, 3, 4], false), run([1, 2, 9, 8], false)), {
    verdict: "different",
    numEqual: 2,
    difference: { position: 3, first: { id: 3, text: "<3>" }, second: { id: 9, text: "<9>" } },
  });
});

Deno.test("compare tokens: a run that ended differs from one that goes on past its end", () => {
  assert.deepEqual(compareTokens(run([1], true), run([1, 2], false)), {
    verdict: "different",
    numEqual: 1,
    difference: { position: 2, first: undefined, second: { id: 2, text: "<2>" } },
  });
  assert.deepEqual(compareTokens(run([1, 2], true), run([1], true)).difference, {
    position: 2,
    first: { id: 2, text: "<2>" },
    second: undefined,
  });
});

Deno.test("compare tokens: a difference, once found, stays where it is", () => {
  const ids = fc.array(fc.nat(2), { maxLength: 12 });
  fc.assert(fc.property(ids, ids, fc.nat(12), fc.nat(12), (first, second, numFirst, numSecond) => {
    const early = compareTokens(run(first.slice(0, numFirst), false), run(second.slice(0, numSecond), false));
    const late = compareTokens(run(first, true), run(second, true));
    if (early.verdict === "different") assert.deepEqual(late, early);
    assert.equal(late.verdict === "equal", first.join() === second.join());
    assert.deepEqual(first.slice(0, late.numEqual), second.slice(0, late.numEqual));
  }));
});
