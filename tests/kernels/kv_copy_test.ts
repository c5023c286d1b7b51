/**
 * `aerie_kv_copy`: after the accepted rows of a tree are closed up, attention sees what it would have seen had they
 * been stored in a line.
 *
 * @module
 */
import { attention, kvStore } from "../../ffi/ops.ts";
import type { Context, TensorDtype } from "../../ffi/context.ts";
import { rowsOf } from "../support/batches.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertSameBits } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { normals, readRows } from "../support/native.ts";

const PAGE_SIZE = 16, LAYERS = 2, HEADS = 4, KV_HEADS = 2, HEAD_DIM = 32;
const WIDTH = (HEADS + 2 * KV_HEADS) * HEAD_DIM;
const PAGES = Int32Array.of(4, 1, 3), PREFIX = 14, NUM_ROWS = 20;
/** Rows kept of those behind the prefix; they cross a page border on their way. */
const KEPT = [0, 2, 3, 7, 19];

/** Attention of the last kept row over prefix and kept rows, per layer. */
function attended(context: Context, dtype: TensorDtype, moved: boolean): Float32Array {
  const shape = { layers: LAYERS, pages: 5, pageSize: PAGE_SIZE, kvHeads: KV_HEADS, headDim: HEAD_DIM };
  const kv = context.createKv(shape, dtype);
  const batch = context.createBatch({ rows: 64, segments: 1, pages: 3, outputs: 1 });
  const qkv = context.batchTensor(batch, "rows", WIDTH);
  const out = context.batchTensor(batch, "rows", HEADS * HEAD_DIM);
  const slot = (entry: number) => PAGES[Math.floor(entry / PAGE_SIZE)]! * PAGE_SIZE + entry % PAGE_SIZE;
  const store = (start: number, entries: readonly number[], layer: number, seed: number) => {
    const all = normals(seededRandom(seed), NUM_ROWS * WIDTH);
    context.writeBatch(batch, rowsOf([{ prefix: start, rows: entries.length, pages: PAGES }], PAGE_SIZE));
    entries.forEach((row, i) => context.writeTensor(qkv, all.slice(row * WIDTH, (row + 1) * WIDTH), i, 1));
    kvStore(context, kv, qkv, batch, layer, HEADS);
  };
  const prefix = Array.from({ length: PREFIX }, (_, i) => i),
    rows = Array.from({ length: NUM_ROWS }, (_, i) => i);
  for (let layer = 0; layer < LAYERS; layer++) {
    store(0, prefix, layer, 70 + layer);
    store(PREFIX, moved ? rows : KEPT, layer, 80 + layer);
  }
  if (moved) {
    context.copyKvSlots(
      kv,
      Int32Array.from(KEPT, (row) => slot(PREFIX + row)),
      Int32Array.from(KEPT, (_, i) => slot(PREFIX + i)),
    );
  }
  const results = Array.from({ length: LAYERS }, (_, layer) => {
    context.writeBatch(
      batch,
      rowsOf([{ prefix: PREFIX + KEPT.length - 1, rows: 1, pages: PAGES }], PAGE_SIZE),
    );
    context.writeTensor(qkv, normals(seededRandom(90), WIDTH), 0, 1);
    attention(context, out, qkv, kv, batch, layer, HEADS, 0.2, 0, 0);
    return [...readRows(context, out, 1, HEADS * HEAD_DIM)];
  });
  return Float32Array.from(results.flat());
}

testEachBackend("kv_copy closes up the accepted path of a tree in every layer", (context) => {
  for (const dtype of ["float32", "float16", "bfloat16"] as const) {
    assertSameBits(attended(context, dtype, true), attended(context, dtype, false), dtype);
  }
});
