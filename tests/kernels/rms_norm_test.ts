/**
 * `aerie_rms_norm` and `aerie_group_norm` against float64.
 *
 * @module
 */
import { groupNorm, rmsNorm } from "../../ffi/ops.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertClose, assertEachClose } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { normals, readRows, tensorOf } from "../support/native.ts";
import { rmsNorm as reference } from "../support/reference.ts";

const CASES = [
  { rows: 1, cols: 1, eps: 1e-5, scale: 1 },
  { rows: 3, cols: 15, eps: 1e-5, scale: 1 },
  { rows: 5, cols: 16, eps: 1e-6, scale: 1 },
  { rows: 2, cols: 577, eps: 1e-5, scale: 1 },
  { rows: 7, cols: 100, eps: 1e-5, scale: 1e-4 }, // eps outweighs the squares
  { rows: 7, cols: 100, eps: 1e-5, scale: 1e6 },
];

testEachBackend("rms_norm matches float64, also in place", (context) => {
  const random = seededRandom(21);
  for (const { rows, cols, eps, scale } of CASES) {
    const x = normals(random, rows * cols).map((value) => value * scale), weight = normals(random, cols);
    const expected = Array.from({ length: rows }, (_, r) => [
      ...reference(x.subarray(r * cols, (r + 1) * cols), weight, eps),
    ]).flat();
    const input = tensorOf(context, x, cols), scales = tensorOf(context, weight, cols);
    const out = context.createTensor(rows, cols);
    rmsNorm(context, out, input, scales, eps);
    assertClose(readRows(context, out, rows, cols), expected, 1e-12, `[${rows}, ${cols}] of ${scale}`);
    rmsNorm(context, input, input, scales, eps);
    assertClose(readRows(context, input, rows, cols), expected, 1e-12, `[${rows}, ${cols}] in place`);
  }
});

testEachBackend("group_norm norms groups of columns and leaves the others", (context) => {
  const random = seededRandom(22);
  for (const n of [16, 48, 80, 96, 100, 128, 256]) {
    for (
      const { rows, groups, before, after } of [
        { rows: 1, groups: 1, before: 0, after: 0 },
        { rows: 9, groups: 10, before: 3, after: 5 },
      ]
    ) {
      const cols = before + groups * n + after, eps = 1e-6;
      const x = normals(random, rows * cols), weight = normals(random, n), expected = Float64Array.from(x);
      for (let row = 0; row < rows; row++) {
        for (let group = 0; group < groups; group++) {
          const at = row * cols + before + group * n;
          expected.set(reference(x.subarray(at, at + n), weight, eps), at);
        }
      }
      const tensor = tensorOf(context, x, cols);
      groupNorm(context, tensor, tensorOf(context, weight, n), before, groups, eps);
      assertEachClose(readRows(context, tensor, rows, cols), expected, 1e-6, `${groups} groups of ${n}`);
    }
  }
});

testEachBackend("rms_norm of zeros is zero", (context) => {
  const out = context.createTensor(2, 20);
  rmsNorm(
    context,
    out,
    context.createTensor(2, 20),
    tensorOf(context, new Float32Array(20).fill(1), 20),
    1e-5,
  );
  assertClose(readRows(context, out, 2, 20), new Float32Array(40), 0, "zeros");
});
