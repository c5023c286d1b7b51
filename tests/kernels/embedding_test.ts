/**
 * `aerie_embedding` out of every packed format, and `aerie_gather_outputs`.
 *
 * @module
 */
import type { StorageFormat } from "../../runtime/contracts/storage_format.ts";
import type { Dtype } from "../../ffi/context.ts";
import { embedding, gatherOutputs } from "../../ffi/ops.ts";
import { rowsAt } from "../support/batches.ts";
import { dequantizeRow, randomRow, seededRandom } from "../support/block_formats.ts";
import { assertClose, assertSameBits } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { mapBytes, normals, readRows } from "../support/native.ts";
import { roundedToBfloat16 } from "../support/reference.ts";

/** NMSE 0: the very values of the file; int8 rounds to 127 steps per 32, or to bfloat16 if rows end within a block; K-quants and IQ4_XS round their scales to float16, Q6_K and Q2_K become 8 bits per 32. */
const CASES: readonly (readonly [StorageFormat, cols: number, keyof typeof Dtype, bound: number])[] = [
  ["F32", 37, "float32", 0],
  ["F16", 37, "float16", 0],
  ["BF16", 37, "bfloat16", 0],
  ["BF16", 37, "float32", 0],
  ["F32", 37, "bfloat16", 0],
  ["F32", 96, "int8", 5e-5],
  ["BF16", 96, "int8", 5e-5],
  ["F16", 96, "int8", 5e-5],
  ["F32", 37, "int8", 1e-5],
  ["Q4_0", 96, "float32", 1e-14],
  ["Q4_1", 96, "float32", 1e-14],
  ["Q5_0", 96, "float32", 1e-14],
  ["Q5_1", 96, "float32", 1e-14],
  ["Q8_0", 96, "float32", 1e-14],
  ["Q4_K", 512, "float32", 1e-6],
  ["Q5_K", 512, "float32", 1e-6],
  ["Q6_K", 512, "float32", 1e-4],
  ["Q2_K", 512, "float32", 1e-4],
  ["Q3_K", 512, "float32", 1e-14],
  ["IQ4_NL", 96, "float32", 1e-14],
  ["IQ4_XS", 512, "float32", 1e-6],
  ["MXFP4", 96, "float32", 1e-14],
];

testEachBackend("embedding reads rows back out of every packed format, zeros for no token", (context) => {
  const random = seededRandom(51);
  const vocabSize = 77, tokens = [0, 76, 31, -1, 32, 33, 5, 5, 63, 64];
  for (const [format, cols, dtype, bound] of CASES) {
    const stored = Array.from({ length: vocabSize }, () => randomRow(format, cols, random));
    const weight = context.createWeight(vocabSize, cols);
    const file = mapBytes(context, new Uint8Array(stored.flatMap((row) => [...row])));
    context.appendWeight(weight, { file, offset: 0, format }, vocabSize, 0);
    context.packWeight(weight, dtype);
    const batch = context.createBatch({ rows: 16, segments: 1, pages: 1, outputs: 16 });
    context.writeBatch(batch, rowsAt(tokens.map(() => 0), { tokens }));
    const out = context.batchTensor(batch, "rows", cols);
    embedding(context, out, batch, weight);
    const expected = tokens.flatMap((token) => {
      if (token < 0) return new Array<number>(cols).fill(0);
      const values = dequantizeRow(format, stored[token]!, cols);
      return [...(dtype === "bfloat16" ? roundedToBfloat16(values) : values)];
    });
    assertClose(readRows(context, out, tokens.length, cols), expected, bound, `${format} as ${dtype}`);
  }
});

testEachBackend("embedding finds rows in a weight of several parts", (context) => {
  const random = seededRandom(52), cols = 64;
  const parts = [["Q8_0", 33], ["Q4_1", 7], ["F32", 40]] as const;
  const weight = context.createWeight(80, cols);
  const expected = parts.flatMap(([format, rows]) => {
    const stored = Array.from({ length: rows }, () => randomRow(format, cols, random));
    const file = mapBytes(context, new Uint8Array(stored.flatMap((row) => [...row])));
    context.appendWeight(weight, { file, offset: 0, format }, rows, 0);
    return stored.map((row) => dequantizeRow(format, row, cols));
  });
  context.packWeight(weight, "float32");
  const tokens = [0, 32, 33, 39, 40, 79];
  const batch = context.createBatch({ rows: 8, segments: 1, pages: 1, outputs: 8 });
  context.writeBatch(batch, rowsAt(tokens.map(() => 0), { tokens }));
  const out = context.batchTensor(batch, "rows", cols);
  embedding(context, out, batch, weight);
  const wanted = tokens.flatMap((token) => [...expected[token]!]);
  assertClose(readRows(context, out, tokens.length, cols), wanted, 1e-14, "parts");
});

testEachBackend("a weight may be columns of a wider matrix", (context) => {
  const random = seededRandom(54), wide = 160, cols = 64, firstColumn = 32, rows = 40;
  for (const [format, elementBytes] of [["F32", 4], ["BF16", 2], ["Q8_0", 34 / 32]] as const) {
    const stored = Array.from({ length: rows }, () => randomRow(format, wide, random));
    const file = context.createFile(new Uint8Array(stored.flatMap((row) => [...row])));
    const weight = context.createWeight(rows, cols);
    const range = { file, offset: firstColumn * elementBytes, format, rowBytes: wide * elementBytes };
    context.appendWeight(weight, range, rows, 0);
    context.packWeight(weight, format === "BF16" ? "bfloat16" : "float32");
    const tokens = Array.from({ length: rows }, (_, row) => row);
    const batch = context.createBatch({ rows, segments: 1, pages: 3, outputs: 1 });
    context.writeBatch(batch, rowsAt(tokens.map(() => 0), { tokens }));
    const out = context.batchTensor(batch, "rows", cols);
    embedding(context, out, batch, weight);
    const expected = stored.flatMap((row) => [
      ...dequantizeRow(format, row, wide).subarray(firstColumn, firstColumn + cols),
    ]);
    assertClose(readRows(context, out, rows, cols), expected, 1e-14, format);
  }
});

testEachBackend("gather_outputs copies the wanted rows, repeated ones too", (context) => {
  const cols = 19, outputs = [8, 0, 3, 3, 7];
  const batch = context.createBatch({ rows: 9, segments: 1, pages: 1, outputs: 6 });
  context.writeBatch(batch, rowsAt([0, 1, 2, 3, 4, 5, 6, 7, 8], { outputs }));
  const x = normals(seededRandom(53), 9 * cols);
  const input = context.batchTensor(batch, "rows", cols),
    out = context.batchTensor(batch, "outputs", cols);
  context.writeTensor(input, x, 0, 9);
  gatherOutputs(context, out, input, batch);
  const expected = Float32Array.from(
    outputs.flatMap((row) => [...x.subarray(row * cols, (row + 1) * cols)]),
  );
  assertSameBits(readRows(context, out, outputs.length, cols), expected, "outputs");
});
