/**
 * The CUDA backend as its callers see it: what stops it from being made, and what a failed device leaves.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Device } from "../../../ffi/enums.ts";
import { addBias } from "../../../ffi/ops.ts";
import { readText } from "../../../ffi/library.ts";
import { normals, readRows, tensorOf } from "../../support/native.ts";
import { seededRandom } from "../../support/block_formats.ts";
import { assertSameBits } from "../../support/close.ts";
import { inject, openSimulated, testSimulated } from "../../support/cuda_sim.ts";

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

testSimulated("a kernel that fails is reported, and the context can still be destroyed", () => {
  try {
    using context = openSimulated();
    const x = tensorOf(context, new Float32Array(6), 3), bias = tensorOf(context, new Float32Array(3), 3);
    inject("kernel:add_bias", 1, 719);
    // A kernel may run at once or when its result is waited for.
    const addAndRead = () => {
      addBias(context, x, bias);
      readRows(context, x, 2, 3);
    };
    assert.throws(addAndRead, /: CUDA error 719, unspecified launch failure/);
    assert.throws(() => addBias(context, x, bias), /CUDA error 719/, "nothing runs any more");
  } finally {
    inject();
  }
  using context = openSimulated();
  const x = normals(seededRandom(2), 6);
  assertSameBits(readRows(context, tensorOf(context, x, 3), 2, 3), x, "rows");
});
