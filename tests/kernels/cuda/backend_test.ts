/**
 * The CUDA backend as its callers see it: what stops it from being made, memory and uploads.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Device } from "../../../ffi/enums.ts";
import { embedding } from "../../../ffi/ops.ts";
import { readText } from "../../../ffi/library.ts";
import { mapBytes, normals, readRows, tensorOf } from "../../support/native.ts";
import { rowsAt } from "../../support/batches.ts";
import { seededRandom } from "../../support/block_formats.ts";
import { assertSameBits } from "../../support/close.ts";
import { forgetCounts, inject, openSimulated, simCounts, testSimulated } from "../../support/cuda_sim.ts";

/** The text with which a context of a device's number is refused, where the driver counts devices with this error. */
function refusal(index: number, error?: number): string {
  using context = openSimulated();
  if (error !== undefined) inject("cudaGetDeviceCount", 1, error);
  const { native } = context;
  assert.notEqual(native.aerie_context_create(new Uint32Array(1), Device["cuda-sim"], index, 1), 0);
  return readText((text, capacity) => void native.aerie_context_error(0, text, capacity));
}

testSimulated("a context says what its device is", () => {
  using context = openSimulated();
  assert.match(context.describe(), /^cuda-sim sm_[89]0, \d+ SMs, [\d.]+ GiB$/);
  const { freeBytes, totalBytes } = context.memory();
  assert.ok(freeBytes > 0 && freeBytes <= totalBytes);
});

testSimulated("a device that is not there, or no driver for it, is refused by what was found", () => {
  assert.equal(refusal(3), "Cannot use CUDA: device_index is 3, the last device is 0");
  assert.equal(
    refusal(0, 100),
    "Cannot use CUDA: no device, expected one of compute capability 8.0 or newer",
  );
  assert.match(
    refusal(0, 35),
    /^Cannot use CUDA: the driver is for CUDA \d+\.\d, expected \d+\.\d or newer$/,
  );
});

testSimulated("memory that the device does not have is refused with the bytes", () => {
  using context = openSimulated();
  const { freeBytes } = context.memory();
  const shape = { layers: 64, pages: 4096, pageSize: 64, kvHeads: 64, headDim: 128 };
  assert.ok(64 * 4096 * 64 * 64 * 128 * 2 * 2 > freeBytes);
  assert.throws(
    () => context.createKv(shape, "bfloat16"),
    /out of memory: \d+ bytes, \d+ of the device's \d+ are free/,
  );
  // The device goes on.
  const x = normals(seededRandom(1), 6);
  assertSameBits(readRows(context, tensorOf(context, x, 3), 2, 3), x, "rows");
});

testSimulated("uploads of many segments arrive whole", () => {
  using context = openSimulated();
  const x = Float32Array.from({ length: 1 << 21 }, (_, i) => i);
  const tensor = tensorOf(context, x, 1 << 10);
  assertSameBits(readRows(context, tensor, 1 << 11, 1 << 10), x, "rows");
});

testSimulated(
  "a weight of many pieces is loaded beside the work before it, and whole before the work behind it",
  () => {
    using context = openSimulated();
    const rows = 16640, cols = 1024, halves = new Uint16Array(rows * cols);
    // Row i holds the bfloat16 1.i, with a row's columns told apart.
    for (let row = 0; row < rows; row++) {
      halves.fill(
        0x3f80 + row % 128,
        row * cols,
        row * cols + 1 + row % 1000,
      );
    }
    assert.ok(halves.byteLength > 4 * (8 << 20), "more than the pieces that are in flight");
    const file = mapBytes(context, new Uint8Array(halves.buffer)), weight = context.createWeight(rows, cols);
    const batch = context.createBatch({ rows: 4, segments: 1, pages: 1, outputs: 1 });
    const out = context.batchTensor(batch, "rows", cols), tokens = [0, 5000, 8191, rows - 1];
    context.writeBatch(batch, rowsAt([0, 1, 2, 3], { tokens }));
    context.appendWeight(weight, { file, offset: 0, format: "BF16" }, rows, 0);
    forgetCounts();
    context.packWeight(weight, "bfloat16");
    assert.equal(simCounts().bytesToDevice, context.weightBytes(weight));
    embedding(context, out, batch, weight);
    const expected = tokens.flatMap((row) =>
      Array.from({ length: cols }, (_, i) => i <= row % 1000 ? 1 + row % 128 / 128 : 0)
    );
    assertSameBits(readRows(context, out, 4, cols), Float32Array.from(expected), "rows");
  },
);
