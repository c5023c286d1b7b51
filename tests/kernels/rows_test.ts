/**
 * `aerie_gather_rows`, `aerie_store_rows`, `aerie_tensor_copy` and `aerie_add_bias`.
 *
 * @module
 */
import { addBias, gatherRows, storeRows } from "../../ffi/ops.ts";
import { rowsAt } from "../support/batches.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertSameBits } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { normals, readRows, tensorOf } from "../support/native.ts";

const WIDE = 41, COLS = 19, COLUMN = 5;

/** Columns COLUMN .. of one row of a matrix that is WIDE columns wide. */
const part = (data: Float32Array, row: number) =>
  data.subarray(row * WIDE + COLUMN, row * WIDE + COLUMN + COLS);

testEachBackend("gather_rows takes what the sources name at replay, repeated ones too", (context) => {
  const batch = context.createBatch({ rows: 6, segments: 1, pages: 1, outputs: 1 });
  const out = context.batchTensor(batch, "rows", COLS);
  const x = normals(seededRandom(61), 30 * WIDE), pool = tensorOf(context, x, WIDE);
  const graph = context.record(() => gatherRows(context, out, pool, batch, COLUMN));
  for (const sources of [[29, 0, 7, 7, 3], [1, 2], [0]]) {
    context.writeBatch(batch, { ...rowsAt(sources.map((_, i) => i)), sources: Int32Array.from(sources) });
    context.run(graph);
    const expected = Float32Array.from(sources.flatMap((row) => [...part(x, row)]));
    assertSameBits(readRows(context, out, sources.length, COLS), expected, `sources ${sources}`);
  }
});

testEachBackend("store_rows puts rows at the batch's slots and leaves the rest alone", (context) => {
  const batch = context.createBatch({ rows: 6, segments: 1, pages: 1, outputs: 1 });
  const rows = context.batchTensor(batch, "rows", COLS);
  const before = normals(seededRandom(62), 30 * WIDE), pool = tensorOf(context, before, WIDE);
  const graph = context.record(() => storeRows(context, pool, rows, batch, COLUMN));
  const expected = before.slice();
  [[29, 0, 7, 8], [3]].forEach((slots, i) => {
    const x = normals(seededRandom(63 + i), slots.length * COLS);
    context.writeTensor(rows, x, 0, slots.length);
    context.writeBatch(batch, { ...rowsAt(slots.map((_, at) => at)), slots: Int32Array.from(slots) });
    context.run(graph);
    slots.forEach((slot, row) => part(expected, slot).set(x.subarray(row * COLS, (row + 1) * COLS)));
  });
  assertSameBits(readRows(context, pool, 30, WIDE), expected, "pool");
});

testEachBackend("tensor_copy closes rows up in place", (context) => {
  const x = normals(seededRandom(65), 12 * COLS), tensor = tensorOf(context, x, COLS);
  context.copyTensorRows(tensor, Int32Array.of(3, 5, 6, 11), Int32Array.of(3, 4, 5, 6));
  const order = [0, 1, 2, 3, 5, 6, 11, 7, 8, 9, 10, 11];
  const expected = Float32Array.from(order.flatMap((row) => [...x.subarray(row * COLS, (row + 1) * COLS)]));
  assertSameBits(readRows(context, tensor, 12, COLS), expected, "rows");
});

testEachBackend("add_bias adds one row to all", (context) => {
  const x = normals(seededRandom(66), 5 * COLS), bias = normals(seededRandom(67), COLS);
  const tensor = tensorOf(context, x, COLS);
  addBias(context, tensor, tensorOf(context, bias, COLS));
  const expected = x.map((value, i) => value + bias[i % COLS]!);
  assertSameBits(readRows(context, tensor, 5, COLS), expected, "sum");
});
