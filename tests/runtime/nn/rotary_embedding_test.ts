/**
 * Rotary frequencies against the published formulas.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { RopeConfig, RopeScaling } from "../../../runtime/contracts/checkpoint.ts";
import { inverseFrequencies } from "../../../runtime/nn/rotary_embedding.ts";
import { inverseFrequencies as reference } from "../../support/reference.ts";

function check(rotaryDim: number, theta: number, scaling?: RopeScaling): Float32Array {
  const rope: RopeConfig = { theta, rotaryDim, ...(scaling ? { scaling } : {}) };
  const actual = inverseFrequencies(rope);
  assertRatios(actual, reference(rope));
  return actual;
}

function assertRatios(actual: Float32Array, expected: ArrayLike<number>): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value / expected[i]! - 1) < 1e-6, `[${i}] is ${value}, expected ${expected[i]}`);
  });
}

Deno.test("frequencies fall from 1 as powers of theta", () => {
  assert.equal(check(64, 10000)[0], 1);
  assertRatios(check(128, 500000).subarray(32, 33), [1 / Math.sqrt(500000)]);
});

Deno.test("linear scaling divides all frequencies", () => {
  const scaled = check(64, 10000, { type: "linear", factor: 4 });
  assertRatios(scaled.map((value) => value * 4), check(64, 10000));
});

Deno.test("llama3 scaling keeps short waves, slows long ones by the factor and blends between", () => {
  const scaling = { factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositionEmbeddings: 8192 };
  const ratios = check(128, 500000, { type: "llama3", ...scaling })
    .map((value, i) => check(128, 500000)[i]! / value);
  assert.ok(Math.abs(ratios[0]! - 1) < 1e-6 && Math.abs(ratios.at(-1)! - 8) < 1e-5);
  assert.ok(ratios.filter((ratio) => ratio > 1.01 && ratio < 7.99).length > 2, "some are between");
});

Deno.test("divisors of a checkpoint divide frequency by frequency", () => {
  const divisors = Float32Array.from({ length: 16 }, (_, i) => 1 + i / 2);
  const config: RopeConfig = { rotaryDim: 32, theta: 10000 };
  assertRatios(
    inverseFrequencies(config, divisors),
    reference(config).map((value, i) => value / divisors[i]!),
  );
});
