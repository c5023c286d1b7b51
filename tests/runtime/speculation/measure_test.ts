import assert from "node:assert/strict";
import { measureCurve } from "../../../runtime/speculation/measure.ts";

Deno.test("a curve has the fastest trial of each size, and never a smaller size above a larger one", () => {
  const times: Record<number, number[]> = { 1: [90, 9, 8, 9], 2: [70, 6, 7, 6], 4: [80, 7, 9, 9] };
  const curve = measureCurve([1, 2, 4], (size) => times[size]!.shift()!);
  assert.deepEqual(curve, { sizes: [1, 2, 4], ms: [6, 6, 7] });
});
