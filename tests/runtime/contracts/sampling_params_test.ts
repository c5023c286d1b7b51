/**
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { seedHalves } from "../../../runtime/contracts/sampling_params.ts";

Deno.test("a seed's halves are those of its two's complement, as a number and as a bigint", () => {
  const view = new DataView(new ArrayBuffer(8));
  const check = (seed: bigint) => {
    view.setBigInt64(0, seed);
    const halves = { low: view.getUint32(4), high: view.getUint32(0) };
    assert.deepEqual(seedHalves(seed), halves);
    if (Number.isSafeInteger(Number(seed))) assert.deepEqual(seedHalves(Number(seed)), halves);
  };
  const edges = [
    0n,
    1n,
    -1n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 32n,
    -(2n ** 32n),
    2n ** 53n - 1n,
    1n - 2n ** 53n,
  ];
  for (const seed of [...edges, 2n ** 63n - 1n, -(2n ** 63n)]) check(seed);
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), check));
  fc.assert(fc.property(fc.maxSafeInteger(), (seed) => check(BigInt(seed))));
});
