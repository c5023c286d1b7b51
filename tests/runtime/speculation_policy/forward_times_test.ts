import assert from "node:assert/strict";
import { costAt } from "../../../runtime/speculation_policy/draft_budget.ts";
import {
  createForwardTimes,
  type ForwardTimes,
  observeForward,
} from "../../../runtime/speculation_policy/forward_times.ts";
import { seededRandom } from "../../support/block_formats.ts";

const TRIAL = { sizes: [1, 2, 4, 8], ms: [2, 2.5, 3, 3.2] };
const NO_CONTEXT = { perSequence: 0, perRow: 0 };

/** A plain forward of so many rows, each of a sequence of its own. */
function observe(times: ForwardTimes, numRows: number, forwardMs: number, numContextTokens = 0): void {
  const computed = Array.from({ length: numRows }, () => ({ numRows: 1, numContextTokens }));
  observeForward(times, computed, { forwardMs, isDrafting: false, hadDrafts: false });
}

Deno.test("how sizes compare is learnt, whatever the machine's speed does meanwhile", () => {
  const times = createForwardTimes(TRIAL, NO_CONTEXT), random = seededRandom(1);
  for (let i = 0; i < 2000; i++) {
    const speed = 1 + 0.5 * Math.floor(i / 300) % 2, numRows = [1, 2, 4, 8][Math.floor(4 * random())]!;
    observe(times, numRows, speed * (1 + numRows) * (0.9 + 0.2 * random()));
  }
  const one = costAt(times.curve, 1);
  for (const size of [2, 4, 8]) {
    const ratio = costAt(times.curve, size) / one;
    assert.ok(
      Math.abs(ratio / ((1 + size) / 2) - 1) < 0.1,
      `${size} rows take ${ratio} times as long as one`,
    );
  }
});

Deno.test("while one size is in use, neither stalls nor another speed say anything of the others", () => {
  const times = createForwardTimes(TRIAL, NO_CONTEXT);
  for (let i = 0; i < 3000; i++) observe(times, 1, i % 100 === 0 ? 30 : i < 1500 ? 2 : 3);
  assert.deepEqual(times.curve.ms.map((ms) => ms.toFixed(6)), TRIAL.ms.map((ms) => ms.toFixed(6)));
  assert.ok(times.scale > 1.4, `${times.scale}`);
});

Deno.test("more rows never seem cheaper than fewer", () => {
  const times = createForwardTimes(TRIAL, NO_CONTEXT), random = seededRandom(2);
  for (let i = 0; i < 1000; i++) {
    observe(times, 1 + Math.floor(8 * random()), 1 + 9 * random());
    const { ms } = times.curve;
    assert.ok(ms.every((time, size) => size === 0 || ms[size - 1]! <= time), ms.join());
  }
});

Deno.test("what was learnt of sizes that are not in use any more is forgotten", () => {
  const times = createForwardTimes(TRIAL, NO_CONTEXT);
  for (let i = 0; i < 200; i++) observe(times, i % 2 ? 8 : 1, i % 2 ? 9.6 : 2);
  const learnt = costAt(times.curve, 8) / costAt(times.curve, 1);
  for (let i = 0; i < 40_000; i++) observe(times, 1, 2);
  const now = costAt(times.curve, 8) / costAt(times.curve, 1);
  assert.ok(learnt > 4 && now < 1.7, `${learnt}, ${now}`);
});
