/**
 * `aerie_rms_norm` against float64.
 *
 * @module
 */
import { rmsNorm } from "../../ffi/ops.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertClose } from "../support/close.ts";
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
