/**
 * Assertions on arrays of numbers.
 *
 * @module
 */
import assert from "node:assert/strict";

type Numbers = ArrayLike<number>;

/** Normalised mean squared error: sum (actual - expected)^2 / sum expected^2; NaN if anything is not finite. */
export function nmse(actual: Numbers, expected: Numbers): number {
  assert.equal(actual.length, expected.length, "lengths differ");
  let error = 0, power = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i]! - expected[i]!) ** 2;
    power += expected[i]! ** 2;
  }
  return error === 0 ? 0 : error / power;
}

/** Fails unless `actual` is within `bound` of `expected` by {@linkcode nmse}. */
export function assertClose(actual: Numbers, expected: Numbers, bound: number, label: string): void {
  const error = nmse(actual, expected);
  if (error <= bound) return;
  const worst = worstIndex(actual, expected);
  assert.fail(
    `${label}: NMSE ${error.toExponential(2)} exceeds ${bound.toExponential(0)}; ` +
      `[${worst}] is ${actual[worst]}, expected ${expected[worst]}`,
  );
}

/** Fails unless every value is within `bound` of its expected one, absolutely up to 1 and relatively beyond. */
export function assertEachClose(actual: Numbers, expected: Numbers, bound: number, label: string): void {
  assert.equal(actual.length, expected.length, `${label}: lengths differ`);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (error <= bound * Math.max(1, Math.abs(expected[i]!))) continue;
    assert.fail(`${label}: [${i}] is ${actual[i]}, expected ${expected[i]}`);
  }
}

/** Fails unless both hold the same float32 bits. */
export function assertSameBits(actual: Float32Array, expected: Float32Array, label: string): void {
  assert.equal(actual.length, expected.length, `${label}: lengths differ`);
  const a = new Uint32Array(actual.buffer, actual.byteOffset, actual.length);
  const b = new Uint32Array(expected.buffer, expected.byteOffset, expected.length);
  const at = a.findIndex((bits, i) => bits !== b[i]);
  assert.equal(at, -1, `${label}: [${at}] is ${actual[at]}, expected ${expected[at]}`);
}

function worstIndex(actual: Numbers, expected: Numbers): number {
  let worst = 0, largest = -1;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!(error <= largest)) [worst, largest] = [i, error];
  }
  return worst;
}
