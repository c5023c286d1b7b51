/**
 * Tensors that are kept as halves: how their numbers are rounded, and which ops take them.
 *
 * @module
 */
import { gatherRows, siluMul, storeRows } from "../../ffi/ops.ts";
import { rowsAt } from "../support/batches.ts";
import { dequantizeRow, encodeFloatRow, seededRandom } from "../support/block_formats.ts";
import { assertSameBits } from "../support/close.ts";
import { refuses, Status } from "../support/misuse.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { normals, readRows } from "../support/native.ts";

const ROWS = 6, COLS = 37, WIDE = 50, COLUMN = 7;
const HALVES = { float16: "F16", bfloat16: "BF16" } as const;

/** Numbers rounded to nearest even. */
function rounded(values: Float32Array, dtype: keyof typeof HALVES): Float32Array {
  return Float32Array.from(
    dequantizeRow(HALVES[dtype], encodeFloatRow(HALVES[dtype], values), values.length),
  );
}

for (const dtype of ["float16", "bfloat16"] as const) {
  testEachBackend(`a ${dtype} tensor keeps rounded numbers, also where rows are copied`, (context) => {
    const x = normals(seededRandom(1), ROWS * COLS), tensor = context.createTensor(ROWS, COLS, dtype);
    context.writeTensor(tensor, x, 0, ROWS);
    assertSameBits(readRows(context, tensor, ROWS, COLS), rounded(x, dtype), "written");
    context.copyTensorRows(tensor, Int32Array.of(4), Int32Array.of(1));
    const row = (i: number) => x.subarray(i * COLS, (i + 1) * COLS);
    const expected = Float32Array.from([...row(0), ...row(4), ...row(2)]);
    assertSameBits(readRows(context, tensor, 3, COLS), rounded(expected, dtype), "copied");
  });

  testEachBackend(`store_rows rounds to ${dtype} and gather_rows widens`, (context) => {
    const batch = context.createBatch({ rows: ROWS, segments: 1, pages: 1, outputs: 1 });
    const rows = context.batchTensor(batch, "rows", COLS, dtype);
    const out = context.batchTensor(batch, "rows", COLS), pool = context.createTensor(16, WIDE, dtype);
    const x = normals(seededRandom(2), 3 * COLS), slots = Int32Array.of(15, 0, 6);
    context.writeTensor(rows, x, 0, 3);
    assertSameBits(readRows(context, rows, 3, COLS), x, "the CPU computes in float32");
    context.writeBatch(batch, { ...rowsAt([0, 1, 2]), slots, sources: slots });
    storeRows(context, pool, rows, batch, COLUMN);
    gatherRows(context, out, pool, batch, COLUMN);
    assertSameBits(readRows(context, out, 3, COLS), rounded(x, dtype), "gathered");
  });
}

refuses(
  "an op on a tensor of halves",
  ({ context }) => siluMul(context, context.createTensor(2, 1), context.createTensor(2, 2, "bfloat16")),
  Status.unsupported,
  /silu_mul: a tensor is kept as dtype 2, expected float32/,
);
refuses(
  "a tensor of 8-bit numbers",
  ({ context }) => context.check(context.native.aerie_tensor_create(context.id, new Uint32Array(1), 1, 1, 3)),
  Status.unsupported,
  /tensor_create: dtype is 3/,
);

// Sizes whose product is more than an address space.
refuses(
  "a tensor past every address",
  ({ context }) => context.createTensor(2 ** 24, 2 ** 24),
  Status.outOfMemory,
  /tensor_create: more than 2\^47 bytes/,
);
refuses(
  "a batch past every address",
  ({ context }) => context.createBatch({ rows: 1, segments: 2 ** 24, pages: 2 ** 24, outputs: 1 }),
  Status.outOfMemory,
  /batch_create: more than 2\^47 bytes/,
);
