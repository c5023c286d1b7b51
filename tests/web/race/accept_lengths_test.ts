/** Accept lengths, as the line of a race has them. */
import { strict as assert } from "node:assert";
import { acceptLengths, thinned } from "../../../web/race/accept_lengths.ts";
import { roundOf } from "../tokens/canned_answers.ts";

Deno.test("accept lengths: the prompt's round, which drafts nothing, is left out", () => {
  assert.deepEqual(acceptLengths([1, 3, 1, 2].map(roundOf)), [3, 1, 2]);
  assert.deepEqual(acceptLengths([]), []);
});

Deno.test("accept lengths: many rounds become the means of stretches, few stay as they are", () => {
  assert.deepEqual(thinned([1, 2, 3], 5), [1, 2, 3]);
  assert.deepEqual(thinned([1, 3, 2, 2, 5], 3), [2, 2, 5]);
  assert.equal(thinned(Array.from({ length: 5000 }, () => 2), 120).length <= 120, true);
  assert.deepEqual(thinned([], 5), []);
});
