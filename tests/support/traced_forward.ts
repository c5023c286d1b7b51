/**
 * A program that makes calls of every kind on a library, for `AERIE_TRACE` to record:
 * `deno run -A traced_forward.ts LIBRARY DEVICE`.
 *
 * @module
 */
import { Context } from "../../ffi/context.ts";
import type { Device } from "../../ffi/enums.ts";
import * as ops from "../../ffi/ops.ts";
import { rowsAt } from "./batches.ts";
import { randomRow, seededRandom } from "./block_formats.ts";
import { assertNative, Status } from "./misuse.ts";
import { mapBytes, normals, readRows, tensorOf } from "./native.ts";

const COLS = 48, ROWS = 3, KV_HEADS = 1, HEADS = 1, HEAD_DIM = 16;

const [library, device] = Deno.args as [string, keyof typeof Device];
const random = seededRandom(5);
using context = new Context(library, { device, threads: 2 });

const rows = Array.from({ length: COLS }, () => randomRow("BF16", COLS, random));
const file = mapBytes(context, new Uint8Array(rows.flatMap((row) => [...row])));
const weight = context.createWeight(COLS, COLS);
context.appendWeight(weight, { file, offset: 0, format: "BF16" }, COLS, 0);
context.packWeight(weight, "bfloat16");
context.closeFile(file);

const batch = context.createBatch({ rows: 8, segments: 1, pages: 1, outputs: 2 });
const kv = context.createKv(
  { layers: 1, pages: 1, pageSize: 16, kvHeads: KV_HEADS, headDim: HEAD_DIM },
  "bfloat16",
);
const scale = tensorOf(context, normals(random, COLS), COLS);
const embedded = context.batchTensor(batch, "rows", COLS), qkv = context.batchTensor(batch, "rows", COLS);
const attended = context.batchTensor(batch, "rows", HEADS * HEAD_DIM);

const graph = context.record(() => {
  ops.embedding(context, embedded, batch, weight);
  ops.rmsNorm(context, embedded, embedded, scale, 1e-5);
  ops.linear(context, qkv, embedded, weight);
  ops.kvStore(context, kv, qkv, batch, 0, HEADS);
  ops.attention(context, attended, qkv, kv, batch, 0, HEADS, 0.25, 0, 0);
});
context.releaseTensor(scale);
context.prepare(graph, { rows: 4, segments: 1, outputs: 1 });
for (const first of [0, 3]) {
  const positions = Array.from({ length: ROWS }, (_, i) => first + i);
  context.writeBatch(batch, {
    ...rowsAt(positions, { tokens: positions.map((position) => position * 7) }),
    slots: Int32Array.from(positions),
    visible: Int32Array.from(positions, (position) => position + 1),
  });
  context.wait(context.launch(graph));
  readRows(context, attended, ROWS, HEADS * HEAD_DIM);
}
const x = tensorOf(context, normals(random, 2 * COLS), COLS),
  bias = tensorOf(context, normals(random, COLS), COLS);
ops.addBias(context, x, bias);
const { native, id } = context;
assertNative(
  () => context.check(native.aerie_tensor_read(id, new Float32Array(1), x, 0, 1 << 30)),
  Status.badShape,
  /^tensor_read: rows 0 \+ 1073741824 of 2$/,
);
readRows(context, x, 2, COLS);
