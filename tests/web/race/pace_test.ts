/** Times of runs, and the words for their ratios. */
import { strict as assert } from "node:assert";
import type { Answer } from "../../../web/api/answer.ts";
import { clockMs, describeSpeedUp, speedUpOf, timesOf, wordOf } from "../../../web/race/pace.ts";

const answer = (
  sentAt: number,
  firstAt: number,
  lastAt: number,
  state: Answer["state"] = "ended",
): Answer => ({
  text: "",
  rounds: [],
  state,
  sentAt,
  firstAt,
  lastAt,
});

Deno.test("pace: times count from the request and from the first text", () => {
  assert.deepEqual(timesOf(answer(100, 130, 430)), { firstMs: 30, wholeMs: 330, decodeMs: 300 });
  assert.equal(timesOf({ text: "", rounds: [], state: "waiting", sentAt: 5 }), undefined);
});

Deno.test("pace: a clock runs until the answer is there", () => {
  assert.equal(clockMs({ text: "", rounds: [], state: "waiting", sentAt: 100 }, 350), 250);
  assert.equal(clockMs(answer(100, 200, 300, "running"), 350), 250);
  assert.equal(clockMs(answer(100, 200, 300), 900), 200);
  assert.equal(clockMs({ text: "", rounds: [], state: "failed", sentAt: 100 }, 900), 0);
});

Deno.test("pace: the speed-up is that of the speculative run", () => {
  assert.deepEqual(speedUpOf(answer(0, 10, 110), answer(1000, 1020, 1220)), { decode: 2, whole: 2 });
  assert.deepEqual(speedUpOf(answer(0, 20, 120), answer(0, 20, 70)), { decode: 0.5, whole: 70 / 120 });
  assert.deepEqual(speedUpOf(answer(0, 20, 20), answer(0, 10, 10)), { decode: undefined, whole: 0.5 });
});

Deno.test("pace: half an answer has no speed-up", () => {
  for (const state of ["running", "stopped", "failed"] as const) {
    assert.equal(speedUpOf(answer(0, 10, 20), answer(0, 10, 20, state)), undefined);
    assert.equal(speedUpOf(answer(0, 10, 20, state), answer(0, 10, 20)), undefined);
  }
});

Deno.test("pace: words say what the figure beside them says", () => {
  assert.deepEqual([1.25, 1.004, 1, 0.996, 0.8].map(wordOf), [
    "faster",
    "as fast",
    "as fast",
    "as fast",
    "slower",
  ]);
  assert.equal(
    describeSpeedUp({ decode: 1.254, whole: 0.9 }),
    "With speculation: 1.25× the speed after the first token (faster), 0.90× the speed for the whole answer (slower).",
  );
  assert.equal(
    describeSpeedUp({ decode: undefined, whole: 1 }),
    "With speculation: 1.00× the speed for the whole answer (as fast).",
  );
});
