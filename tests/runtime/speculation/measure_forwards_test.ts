import assert from "node:assert/strict";
import type { TargetForward } from "../../../runtime/models/target_runner.ts";
import { measureForwards, trialMs, type TrialRunner } from "../../../runtime/speculation/measure_forwards.ts";

const CONFIG = { device: "cpu" as const, pageSize: 16, maxRows: 256, maxOutputs: 64 };

/** A runner whose forwards take what rows and their context cost. */
function runnerOf(slotsPerSequence: number, costMs: (numRows: number, start: number) => number) {
  const numRows: number[] = [], copied: number[][] = [], forwards: TargetForward[] = [];
  const runner: TrialRunner = {
    slotsPerSequence,
    runTrial(forward) {
      const [{ segment, tree }] = forward.layouts as [TargetForward["layouts"][0]];
      forwards.push(forward);
      numRows.push(1 + tree.tokens.length);
      return costMs(1 + tree.tokens.length, segment.start);
    },
    copySlots: ({ from, to }) => void copied.push([...from], [...to]),
  };
  return { runner, numRows, copied, forwards };
}

Deno.test("a trial is a chain of outputs behind a context, in pages that hold both", () => {
  const { runner, forwards } = runnerOf(512, () => 3);
  assert.equal(trialMs(runner, CONFIG, 5, 30), 3);
  const [{ layouts, outputs }] = forwards as [TargetForward];
  assert.equal(outputs.length, 5);
  assert.deepEqual(outputs.map(({ position }) => position), [31, 32, 33, 34, 35]);
  assert.ok(outputs.every(({ sampling }) => sampling.params.temperature === 0));
  assert.deepEqual([...layouts[0]!.segment.pages], [0, 1, 2]);
});

Deno.test("a forward's cost by rows and by context is what its trials took", () => {
  const { runner, copied } = runnerOf(4096, (rows, start) => 5 + rows + start * (0.02 + 0.01 * rows));
  const { forwardMs, contextMs } = measureForwards(runner, CONFIG);
  assert.deepEqual(forwardMs.sizes, [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]);
  assert.deepEqual(forwardMs.ms, forwardMs.sizes.map((rows) => 5 + rows));
  assert.ok(Math.abs(contextMs.perSequence - 0.02) < 1e-9 && Math.abs(contextMs.perRow - 0.01) < 1e-9);
  const slots = Array.from({ length: 512 }, (_, slot) => slot);
  assert.deepEqual(copied, [slots.map(() => 0), slots], "the context is written before it is read");
});

Deno.test("no trial is larger than a batch or the pool", () => {
  for (
    const [slots, limits, largest, furthest] of [
      [4096, { maxRows: 12 }, 12, 512],
      [4096, { maxOutputs: 7 }, 6, 512],
      [20, {}, 16, 12],
      [1, {}, 1, 0],
    ] as const
  ) {
    const { runner, numRows, forwards } = runnerOf(slots, () => 1);
    const { contextMs } = measureForwards(runner, { ...CONFIG, ...limits });
    assert.equal(Math.max(...numRows), largest);
    assert.equal(Math.max(...forwards.map(({ layouts }) => layouts[0]!.segment.start)), furthest);
    assert.deepEqual(contextMs, { perSequence: 0, perRow: 0 });
  }
});
