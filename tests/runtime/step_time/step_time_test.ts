import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addWork,
  createStepTimes,
  noWork,
  observeStepTime,
  promptMs,
  rowsInTime,
  stepBoundMs,
  stepMs,
  type StepTimes,
  type StepWork,
  workOf,
} from "../../../runtime/step_time/step_time.ts";

/** About what a small model takes on two cores. */
function trueMs({ decode, prompt }: StepWork): number {
  return 3.5 + 0.5 * decode.numRows + 0.002 * decode.numSeen + 0.6 * prompt.numRows + 0.0007 * prompt.numSeen;
}

function learn(times: StepTimes, step: Partial<StepWork>, slowdown = 1): void {
  const work = { decode: noWork, prompt: noWork, ...step };
  observeStepTime(times, work, slowdown * trueMs(work));
}

/** Knows a short prompt and some tokens after it, as after a server's warm-up. */
function warm(): StepTimes {
  const times = createStepTimes();
  learn(times, { prompt: workOf(0, 6) });
  for (let i = 0; i < 7; i++) learn(times, { decode: workOf(6 + i, 1) });
  return times;
}

Deno.test("work counts rows and the tokens that each of them sees", () => {
  assert.deepEqual(workOf(10, 3), { numRows: 3, numSeen: 11 + 12 + 13 });
  assert.deepEqual(workOf(10, 1, 2), { numRows: 3, numSeen: 11 + 2 * 11 });
  assert.deepEqual(addWork(workOf(0, 1), workOf(1, 1)), workOf(0, 2));
});

Deno.test("rows fit the time, are whole tiles where they are cut, and never none", () => {
  const price = fc.double({ min: 1e-6, max: 10, noNaN: true });
  fc.assert(
    fc.property(
      price,
      price,
      fc.nat({ max: 100_000 }),
      fc.integer({ min: 1, max: 5000 }),
      price,
      (rowMs, seenMs, start, numWanted, budgetMs) => {
        const times = { ...createStepTimes(), prompt: { rowMs, seenMs: seenMs / 1000 } };
        const numRows = rowsInTime(times, { start, numWanted, budgetMs });
        assert.ok(numRows >= 1 && numRows <= numWanted);
        if (numRows > 1) assert.ok(promptMs(times, workOf(start, numRows)) <= budgetMs * (1 + 1e-9));
        if (numRows === numWanted) return;
        assert.ok(numRows < 16 || numRows % 16 === 0);
        const next = numRows < 16 ? numRows + 1 : numRows + 16;
        assert.ok(promptMs(times, workOf(start, next)) >= budgetMs * (1 - 1e-9), "more would have fitted");
      },
    ),
  );
});

Deno.test("before anything is known no prompt is cut", () => {
  assert.equal(rowsInTime(createStepTimes(), { start: 0, numWanted: 999, budgetMs: 1 }), 999);
});

Deno.test("what a step takes is known after a few of its kind", () => {
  const times = warm(), decode = addWork(workOf(300, 1), workOf(500, 1));
  for (let start = 0; start < 2000; start += 64) learn(times, { decode, prompt: workOf(start, 64) });
  for (const prompt of [noWork, workOf(2000, 32), workOf(2000, 64), workOf(2000, 128)]) {
    const step = { decode, prompt }, ratio = stepMs(times, step) / trueMs(step);
    assert.ok(ratio > 0.6 && ratio < 1.5, `${JSON.stringify(prompt)}: ${ratio}`);
  }
});

Deno.test("a step that took ages says little, a machine that is slower from now on is believed", () => {
  const times = warm(), step = { decode: workOf(100, 1), prompt: workOf(0, 128) };
  for (let i = 0; i < 40; i++) learn(times, step);
  learn(times, step, 100);
  assert.ok(stepMs(times, step) < 2 * trueMs(step));
  for (let i = 0; i < 20; i++) learn(times, step, 3);
  const ratio = stepMs(times, step) / trueMs(step);
  assert.ok(ratio > 2.7 && ratio < 3.3, `${ratio}`);
});

Deno.test("a step may take the time that is allowed, or some plain steps", () => {
  const times = warm(), decode = workOf(10, 1);
  assert.equal(stepBoundMs(times, decode, 1000), 1000);
  const plainMs = stepMs(times, { decode, prompt: noWork });
  assert.equal(stepBoundMs(times, decode, 0), 8 * plainMs);
});
