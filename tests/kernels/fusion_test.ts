/**
 * Operator fusion where it must not happen: another op, or another thread, still needs what lies between.
 *
 * @module
 */
import type { Context } from "../../ffi/context.ts";
import { linear, rmsNorm, storeRows } from "../../ffi/ops.ts";
import { rowsAt } from "../support/batches.ts";
import { randomRow, seededRandom } from "../support/block_formats.ts";
import { assertSameBits } from "../support/close.ts";
import { mapBytes, normals, readRows, tensorOf, testEachIsa } from "../support/native.ts";

const COLS = 1024;

/** A square weight that takes its input as int8, so that the norm before it fuses. */
function quantizedWeight(context: Context) {
  const random = seededRandom(1),
    rows = Array.from({ length: COLS }, () => [...randomRow("Q8_0", COLS, random)]);
  const file = mapBytes(context, new Uint8Array(rows.flat())), weight = context.createWeight(COLS, COLS);
  context.appendWeight(weight, { file, offset: 0, format: "Q8_0" }, COLS, 0);
  context.packWeight(weight, "float32");
  context.closeFile(file);
  return weight;
}

testEachIsa("a product may overwrite what its norm read", (context) => {
  const weight = quantizedWeight(context), scale = tensorOf(context, new Float32Array(COLS).fill(1), COLS);
  for (const rows of [1, 3, 5]) {
    const x = normals(seededRandom(2), rows * COLS), hidden = tensorOf(context, x, COLS);
    const normed = context.createTensor(rows, COLS), apart = context.createTensor(rows, COLS);
    rmsNorm(context, normed, hidden, scale, 1e-5);
    linear(context, apart, normed, weight);
    const expected = readRows(context, apart, rows, COLS);
    const graph = context.record(() => {
      rmsNorm(context, normed, hidden, scale, 1e-5);
      linear(context, hidden, normed, weight);
      rmsNorm(context, normed, hidden, scale, 1e-5);
    });
    for (let i = 0; i < 100; i++) {
      context.writeTensor(hidden, x, 0, rows);
      context.run(graph);
      assertSameBits(readRows(context, hidden, rows, COLS), expected, `${rows} rows, launch ${i}`);
    }
  }
});

testEachIsa("a norm whose rows are overwritten in part is still written", (context) => {
  const weight = quantizedWeight(context), scale = tensorOf(context, new Float32Array(COLS).fill(1), COLS);
  const batch = context.createBatch({ rows: 1, segments: 1, pages: 1, outputs: 1 });
  const stored = context.batchTensor(batch, "rows", COLS);
  const x = tensorOf(context, normals(seededRandom(3), 2 * COLS), COLS);
  const normed = context.createTensor(2, COLS), out = context.createTensor(2, COLS);
  rmsNorm(context, normed, x, scale, 1e-5);
  const expected = readRows(context, normed, 1, COLS);
  context.writeTensor(normed, new Float32Array(2 * COLS), 0, 2);
  context.writeBatch(batch, { ...rowsAt([0]), slots: Int32Array.of(1) });
  context.run(context.record(() => {
    rmsNorm(context, normed, x, scale, 1e-5);
    linear(context, out, normed, weight);
    storeRows(context, normed, stored, batch, 0);
  }));
  assertSameBits(readRows(context, normed, 1, COLS), expected, "row 0");
});
