/**
 * `aerie_silu_mul` and `aerie_gelu_mul` against float64.
 *
 * @module
 */
import assert from "node:assert/strict";
import { geluMul, siluMul } from "../../ffi/ops.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertClose } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { normals, readRows, tensorOf } from "../support/native.ts";
import { geluTanh, silu } from "../support/reference.ts";

const GATES = [["silu_mul", siluMul, silu], ["gelu_mul", geluMul, geluTanh]] as const;

testEachBackend("silu_mul and gelu_mul match float64", (context) => {
  const random = seededRandom(31);
  for (const [name, op, activation] of GATES) {
    for (const [rows, n] of [[1, 1], [3, 15], [2, 16], [5, 97], [9, 1536]] as const) {
      const x = normals(random, rows * 2 * n).map((value) => value * 4);
      const expected = Float64Array.from({ length: rows * n }, (_, i) => {
        const at = Math.floor(i / n) * 2 * n + i % n;
        return activation(x[at]!) * x[at + n]!;
      });
      const out = context.createTensor(rows, n);
      op(context, out, tensorOf(context, x, 2 * n));
      assertClose(readRows(context, out, rows, n), expected, 1e-12, `${name} [${rows}, ${n}]`);
    }
  }
});

testEachBackend("silu_mul and gelu_mul are accurate value by value and saturate without NaN", (context) => {
  const negative = [-1e30, -200, -100, -88, -87, -50, -20, -1, -1e-3];
  const gates = Float32Array.from([...negative, 0, ...negative.map((gate) => -gate)]);
  const out = context.createTensor(1, gates.length);
  const x = Float32Array.from([...gates, ...gates.map(() => 1)]);
  for (const [name, op, activation] of GATES) {
    op(context, out, tensorOf(context, x, 2 * gates.length));
    readRows(context, out, 1, gates.length).forEach((value, i) => {
      const gate = gates[i]!, expected = activation(gate);
      // e^-gate saturates at the end of float32's range: the quotient is then as good as zero beside the gate.
      const tolerance = Math.max(
        1e-37 * Math.abs(gate),
        1e-6 * Math.abs(expected),
        1e-7 * Math.exp(-Math.abs(gate)),
      );
      assert.ok(
        Math.abs(value - expected) <= tolerance,
        `${name}(${gate}) is ${value}, expected ${expected}`,
      );
    });
  }
});
