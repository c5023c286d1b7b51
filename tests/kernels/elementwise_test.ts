/**
 * `aerie_add`, `aerie_scale` and `aerie_soft_cap` against float64.
 *
 * @module
 */
import assert from "node:assert/strict";
import { add, scale, softCap } from "../../ffi/ops.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertEachClose } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { normals, readRows, tensorOf } from "../support/native.ts";

const SHAPES = [[1, 1], [3, 15], [5, 97], [2, 577]] as const;

testEachBackend("add sums with a factor, onto either operand too", (context) => {
  const random = seededRandom(51);
  for (const [rows, cols] of SHAPES) {
    const [a, b] = [normals(random, rows * cols), normals(random, rows * cols)];
    for (const factor of [1, 0.22, -3]) {
      const expected = a.map((value, i) => value + b[i]! * factor), label = `[${rows}, ${cols}] * ${factor}`;
      const [x, y] = [tensorOf(context, a, cols), tensorOf(context, b, cols)];
      const out = context.createTensor(rows, cols);
      add(context, out, x, y, factor);
      assertEachClose(readRows(context, out, rows, cols), expected, 1e-6, label);
      add(context, y, x, y, factor);
      assertEachClose(readRows(context, y, rows, cols), expected, 1e-6, `${label}, onto y`);
      add(context, x, x, tensorOf(context, b, cols), factor);
      assertEachClose(readRows(context, x, rows, cols), expected, 1e-6, `${label}, onto x`);
    }
  }
});

testEachBackend("scale multiplies in place", (context) => {
  const random = seededRandom(52);
  for (const [rows, cols] of SHAPES) {
    const values = normals(random, rows * cols), x = tensorOf(context, values, cols);
    scale(context, x, 48.5);
    assertEachClose(readRows(context, x, rows, cols), values.map((value) => value * 48.5), 1e-6, `${cols}`);
  }
});

testEachBackend("soft_cap keeps small numbers, bounds large ones and leaves NaN", (context) => {
  const sizes = [0, 1e-30, 1e-4, 0.3, 15, 18.7, 18.8, 29, 30, 100, 2000, 1e30, Infinity];
  const values = Float32Array.from([...sizes, ...sizes.map((size) => -size), NaN]);
  for (const cap of [30, 50]) {
    const x = tensorOf(context, values, values.length);
    softCap(context, x, cap);
    readRows(context, x, 1, values.length).forEach((value, i) => {
      const expected = cap * Math.tanh(values[i]! / cap), label = `${cap} of ${values[i]} is ${value}`;
      if (Number.isNaN(expected)) assert.ok(Number.isNaN(value), label);
      else assert.ok(Math.abs(value - expected) <= 4e-7 * Math.abs(expected), label);
    });
  }
});
