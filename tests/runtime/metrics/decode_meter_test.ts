import assert from "node:assert/strict";
import { DecodeMeter } from "../../../runtime/metrics/decode_meter.ts";
import { zeroCounts } from "../../../runtime/contracts/speculation_counts.ts";

const usage = (numVerifications: number, numAccepted: number) => ({
  ...zeroCounts(),
  numVerifications,
  numAccepted,
});

Deno.test("an interval has so many decode steps; the time of steps with prompts alone is in it", () => {
  const meter = new DecodeMeter();
  const add = (numDecoding: number, generatedTokens: number, interval = 2) =>
    meter.add(
      { numDecoding, busyMs: 10, generatedTokens, usage: usage(generatedTokens, generatedTokens) },
      interval,
    );
  assert.equal(add(0, 1), false);
  assert.equal(add(1, 2), false);
  assert.equal(meter.genThroughput, 0);
  assert.equal(add(1, 3), true);
  assert.equal(meter.genThroughput, 100);
  assert.equal(meter.speculation?.numVerifications, 3);
  assert.equal(add(1, 4), false);
  assert.equal(add(2, 6), true);
  assert.equal(meter.genThroughput, 150);
  assert.equal(meter.speculation?.numAccepted, 3);
});

Deno.test("an interval that becomes shorter than what has passed of it is over", () => {
  const meter = new DecodeMeter(), step = { numDecoding: 1, busyMs: 1, generatedTokens: 1, usage: undefined };
  for (let i = 0; i < 10; i++) assert.equal(meter.add(step, 40), false);
  assert.equal(meter.add(step, 4), true);
});
