/**
 * `aerie_rope_angles` and `aerie_rope` against float64.
 *
 * @module
 */
import { rope, ropeAngles } from "../../ffi/ops.ts";
import { seededRandom } from "../support/block_formats.ts";
import { rowsAt } from "../support/batches.ts";
import { assertClose, assertSameBits } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { normals, readRows, tensorOf } from "../support/native.ts";
import { rotate } from "../support/reference.ts";

const POSITIONS = [0, 1, 2, 17, 511, 8191, 131071, 1_000_000];

const CASES = [
  { headDim: 32, numHeads: 1, otherHeads: 0 },
  { headDim: 64, numHeads: 12, otherHeads: 3 },
  { headDim: 96, numHeads: 3, otherHeads: 1 },
  { headDim: 128, numHeads: 5, otherHeads: 2 },
];

testEachBackend("rope turns the first heads by position and leaves the others", (context) => {
  const random = seededRandom(41);
  for (const { headDim, numHeads, otherHeads } of CASES) {
    const half = headDim / 2, cols = (numHeads + otherHeads) * headDim, rows = POSITIONS.length;
    const batch = context.createBatch({ rows, segments: 1, pages: 1, outputs: 1 });
    context.writeBatch(batch, rowsAt(POSITIONS));
    const invFreq = Float32Array.from({ length: half }, (_, i) => 10000 ** (-i / half));
    const angles = context.batchTensor(batch, "rows", headDim);
    ropeAngles(context, angles, batch, tensorOf(context, invFreq, half), 1);
    const expectedAngles = POSITIONS.flatMap((position) => [
      ...invFreq.map((f) => Math.cos(position * f)),
      ...invFreq.map((f) => Math.sin(position * f)),
    ]);
    assertClose(readRows(context, angles, rows, headDim), expectedAngles, 1e-13, `angles of ${headDim}`);

    const x = normals(random, rows * cols);
    const turned = context.batchTensor(batch, "rows", cols);
    context.writeTensor(turned, x, 0, rows);
    rope(context, turned, angles, numHeads, headDim);
    const actual = readRows(context, turned, rows, cols);
    POSITIONS.forEach((position, r) => {
      for (let head = 0; head < numHeads + otherHeads; head++) {
        const at = r * cols + head * headDim, label = `head ${head} of ${headDim} at ${position}`;
        const before = x.subarray(at, at + headDim), after = actual.subarray(at, at + headDim);
        if (head < numHeads) assertClose(after, rotate(before, position, invFreq), 1e-12, label);
        else assertSameBits(after, before, label);
      }
    });
  }
});
