/**
 * `aerie_rope_angles` and `aerie_rope` against float64, alone and between the ops that backends fuse them with.
 *
 * @module
 */
import type { Context } from "../../ffi/context.ts";
import * as ops from "../../ffi/ops.ts";
import { seededRandom } from "../support/block_formats.ts";
import { rowsAt, rowsOf } from "../support/batches.ts";
import { assertClose, assertSameBits } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { normals, readRows, tensorOf } from "../support/native.ts";
import { rotate } from "../support/reference.ts";

const POSITIONS = [0, 1, 2, 17, 511, 8191, 131071, 1_000_000];

/** `width` numbers of each of `numHeads` heads turn. */
const CASES = [
  { headDim: 16, width: 16, numHeads: 3, otherHeads: 1 },
  { headDim: 32, width: 32, numHeads: 1, otherHeads: 0 },
  { headDim: 48, width: 48, numHeads: 2, otherHeads: 1 },
  { headDim: 64, width: 64, numHeads: 12, otherHeads: 3 },
  { headDim: 80, width: 32, numHeads: 2, otherHeads: 2 },
  { headDim: 80, width: 80, numHeads: 2, otherHeads: 2 },
  { headDim: 96, width: 96, numHeads: 3, otherHeads: 1 },
  { headDim: 96, width: 48, numHeads: 3, otherHeads: 1 },
  { headDim: 128, width: 128, numHeads: 5, otherHeads: 2 },
  { headDim: 256, width: 64, numHeads: 2, otherHeads: 1 },
];

function frequencies(width: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: width / 2 }, (_, i) => 10000 ** (-2 * i / width));
}

testEachBackend("rope turns the first heads by position and leaves the others", (context) => {
  const random = seededRandom(41);
  for (const { headDim, width, numHeads, otherHeads } of CASES) {
    const cols = (numHeads + otherHeads) * headDim, rows = POSITIONS.length, scale = width === 48 ? 1.19 : 1;
    const batch = context.createBatch({ rows, segments: 1, pages: 1, outputs: 1 });
    context.writeBatch(batch, rowsAt(POSITIONS));
    const invFreq = frequencies(width), angles = context.batchTensor(batch, "rows", width);
    ops.ropeAngles(context, angles, batch, tensorOf(context, invFreq, width / 2), scale);
    const expectedAngles = POSITIONS.flatMap((position) => [
      ...Array.from(invFreq, (f) => scale * Math.cos(position * f)),
      ...Array.from(invFreq, (f) => scale * Math.sin(position * f)),
    ]);
    assertClose(readRows(context, angles, rows, width), expectedAngles, 1e-13, `angles of ${width}`);

    const x = normals(random, rows * cols);
    const turned = context.batchTensor(batch, "rows", cols);
    context.writeTensor(turned, x, 0, rows);
    ops.rope(context, turned, angles, numHeads, headDim);
    const actual = readRows(context, turned, rows, cols);
    POSITIONS.forEach((position, r) => {
      for (let head = 0; head < numHeads + otherHeads; head++) {
        const at = r * cols + head * headDim, label = `head ${head} of ${headDim} at ${position}`;
        const before = x.subarray(at, at + headDim), after = actual.subarray(at, at + headDim);
        const untouched = head < numHeads ? width : 0;
        assertSameBits(after.subarray(untouched), before.subarray(untouched), label);
        if (head >= numHeads) continue;
        const expected = rotate(before.subarray(0, width), position, invFreq).map((value) => value * scale);
        assertClose(after.subarray(0, width), expected, 1e-12, label);
      }
    });
  }
});

/** What a layer does between its first product and its attention; `width` 0: no rotation. */
interface Between {
  readonly headDim: number;
  readonly width: number;
  readonly norms: boolean;
  readonly dtype: "float32" | "bfloat16";
}

const BETWEEN: readonly Between[] = [
  { headDim: 16, width: 16, norms: false, dtype: "float32" },
  { headDim: 48, width: 16, norms: true, dtype: "bfloat16" },
  { headDim: 80, width: 48, norms: false, dtype: "float32" },
  { headDim: 80, width: 0, norms: true, dtype: "bfloat16" },
  { headDim: 128, width: 64, norms: true, dtype: "float32" },
  { headDim: 256, width: 256, norms: true, dtype: "bfloat16" },
];
const HEADS = 6, KV_HEADS = 2, HIDDEN = 64, PAGE_SIZE = 16;

/** Attention's output and qkv behind it, op by op or recorded. */
function attended(
  context: Context,
  { headDim, width, norms, dtype }: Between,
  numRows: number,
  isRecorded: boolean,
) {
  const random = seededRandom(headDim), cols = (HEADS + 2 * KV_HEADS) * headDim;
  const batch = context.createBatch({ rows: 40, segments: 1, pages: 4, outputs: 1 });
  context.writeBatch(batch, rowsOf([{ prefix: 5, rows: numRows, pages: Int32Array.of(2, 0, 1) }], PAGE_SIZE));
  const pool = { layers: 1, pages: 3, pageSize: PAGE_SIZE, kvHeads: KV_HEADS, headDim };
  const kv = context.createKv(pool, dtype);
  const file = context.createFile(new Uint8Array(normals(random, cols * HIDDEN).buffer));
  const weight = context.createWeight(cols, HIDDEN);
  context.appendWeight(weight, { file, offset: 0, format: "F32" }, cols, 0);
  context.packWeight(weight, "float32");
  const rowsOfBatch = (n: number) => context.batchTensor(batch, "rows", n);
  const [x, qkv, out] = [rowsOfBatch(HIDDEN), rowsOfBatch(cols), rowsOfBatch(HEADS * headDim)];
  context.writeTensor(x, normals(random, numRows * HIDDEN), 0, numRows);
  const norm = tensorOf(context, normals(random, headDim), headDim);
  const angles = width ? rowsOfBatch(width) : undefined;
  const invFreq = width ? tensorOf(context, frequencies(width), width / 2) : undefined;
  const body = () => {
    ops.linear(context, qkv, x, weight);
    if (norms) {
      ops.groupNorm(context, qkv, norm, 0, HEADS, 1e-6);
      ops.groupNorm(context, qkv, norm, HEADS * headDim, KV_HEADS, 1e-6);
    }
    if (angles !== undefined) {
      ops.ropeAngles(context, angles, batch, invFreq!, 1.1);
      ops.rope(context, qkv, angles, HEADS + KV_HEADS, headDim);
    }
    ops.kvStore(context, kv, qkv, batch, 0, HEADS);
    ops.attention(context, out, qkv, kv, batch, 0, HEADS, 0.2, 0, 0);
  };
  if (isRecorded) {
    // What follows writes qkv anew, so that nobody needs it behind attention.
    context.run(context.record(() => {
      body();
      ops.linear(context, qkv, x, weight);
    }));
  } else body();
  return readRows(context, out, numRows, HEADS * headDim);
}

testEachBackend("norms and rotations of a part, or none, keep their bits where ops are fused", (context) => {
  for (const between of BETWEEN) {
    for (const numRows of [1, 3, 40]) {
      const label = `${numRows} rows, ${between.width} of ${between.headDim}`;
      assertSameBits(
        attended(context, between, numRows, true),
        attended(context, between, numRows, false),
        label,
      );
    }
  }
});
