/**
 * The wrapper around a native context: creation, descriptions, errors, files, weights, recording.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { Context } from "../../ffi/context.ts";
import { openLibrary } from "../../ffi/library.ts";
import { siluMul } from "../../ffi/ops.ts";
import { encodeFloatRow, seededRandom } from "../support/block_formats.ts";
import { assertSameBits } from "../support/close.ts";
import { assertNative, Status } from "../support/misuse.ts";
import {
  ALL_ISAS,
  hasIsa,
  libraryPath,
  mapBytes,
  normals,
  readRows,
  tensorOf,
  withContext,
} from "../support/native.ts";

for (const isa of ALL_ISAS) {
  Deno.test({
    name: `AERIE_CPU_ISA chooses the instruction set, describe() tells it [${isa}]`,
    ignore: !hasIsa(isa),
    fn() {
      assert.equal(withContext(isa, 1, (context) => context.describe()), `cpu ${isa}, 1 thread`);
      assert.equal(withContext(isa, 3, (context) => context.describe()), `cpu ${isa}, 3 threads`);
    },
  });
}

Deno.test("without AERIE_CPU_ISA the best instruction set of this CPU is used", () => {
  using context = new Context(libraryPath, { device: "cpu", threads: 1 });
  const forced = Deno.env.get("AERIE_CPU_ISA"), best = ALL_ISAS.findLast(hasIsa);
  assert.equal(context.describe(), `cpu ${forced || best}, 1 thread`);
});

Deno.test("a context that cannot be made says why", () => {
  const make = (device: "cpu" | "cuda-sim", threads: number) => () =>
    new Context(libraryPath, { device, threads })[Symbol.dispose]();
  assertNative(make("cpu", 0), Status.badArgument, /num_threads is 0/);
  assertNative(make("cpu", 100_000), Status.badArgument, /num_threads is 100000/);
  assertNative(make("cuda-sim", 1), Status.device, /device 2/);
  assertNative(() => withContext("sse9" as "avx2", 1, () => {}), Status.unsupported, /AERIE_CPU_ISA: sse9/);
});

Deno.test("a library that is absent or no library is refused with its path", () => {
  assertNative(
    () => openLibrary("/nowhere/libaerie.so"),
    "cannot_open",
    /^Cannot open native library: \/nowhere\/libaerie.so/,
  );
});

Deno.test("a disposed context and its objects are dead", () => {
  const { context, tensor } = withContext(
    "portable",
    2,
    (context) => ({ context, tensor: context.createTensor(1, 1) }),
  );
  assert.throws(() => context.createTensor(1, 1), /Cannot use native context: \d+ is not live/);
  withContext("portable", 1, (other) => {
    assert.notEqual(other.id, context.id);
    assertNative(() => other.readTensor(tensor, new Float32Array(1), 0, 1), Status.badHandle, /tensor_read/);
  });
});

Deno.test("the threads in use may change between ops, down and up, within those made", () =>
  withContext("portable", 4, (context) => {
    const x = normals(seededRandom(1), 64 * 40), out = context.createTensor(64, 20);
    const input = tensorOf(context, x, 40);
    const run = () => {
      siluMul(context, out, input);
      return readRows(context, out, 64, 20);
    };
    const expected = run();
    for (const threads of [1, 3, 2, 4, 1, 4, 2, 2, 1]) {
      context.setThreads(threads);
      assert.equal(context.describe(), `cpu portable, ${threads} thread${threads === 1 ? "" : "s"}`);
      for (let i = 0; i < 3; i++) assertSameBits(run(), expected, `${threads} threads`);
    }
    assertNative(() => context.setThreads(0), Status.badArgument, /num_threads is 0, expected 1\.\.4/);
    assertNative(() => context.setThreads(5), Status.badArgument, /num_threads is 5, expected 1\.\.4/);
  }));

Deno.test("threads end with their context", async () => {
  const count = () => Number(/^Threads:\s*(\d+)/m.exec(Deno.readTextFileSync("/proc/self/status"))![1]);
  withContext("portable", 1, () => {});
  const before = count();
  for (let i = 0; i < 40; i++) {
    withContext("portable", 4, (context) => {
      if (i % 2) context.setThreads(1 + i % 4);
      context.createTensor(4, 4);
    });
  }
  // The kernel may need a moment to forget a joined thread.
  for (let i = 0; i < 50 && count() > before + 20; i++) await new Promise((done) => setTimeout(done, 20));
  assert.ok(count() <= before + 20, `${count()} threads, ${before} before`);
});

Deno.test("tensors keep rows apart and start zeroed", () =>
  withContext("portable", 1, (context) => {
    const tensor = context.createTensor(4, 3);
    assert.deepEqual([...readRows(context, tensor, 4, 3)], new Array(12).fill(0));
    context.writeTensor(tensor, Float32Array.of(1, 2, 3, 4, 5, 6), 1, 2);
    assert.deepEqual([...readRows(context, tensor, 4, 3)], [0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0]);
    const row = new Float32Array(3);
    context.readTensor(tensor, row, 2, 1);
    assert.deepEqual([...row], [4, 5, 6]);
  }));

Deno.test("tensors load from any offset of a file and outlive it", () =>
  withContext("portable", 1, (context) => {
    for (const format of ["F32", "F16", "BF16"] as const) {
      const stored = encodeFloatRow(format, [1, -2, 0.5, 3, 1024, -0.125]);
      const bytes = new Uint8Array(stored.length + 3);
      bytes.set(stored, 3);
      const file = mapBytes(context, bytes);
      const tensor = context.loadTensor({ file, offset: 3, format }, 2, 3);
      assertNative(
        () => context.loadTensor({ file, offset: 4, format }, 2, 3),
        Status.badShape,
        /tensor_load: .* exceed/,
      );
      context.closeFile(file);
      assertNative(
        () => context.loadTensor({ file, offset: 3, format }, 1, 1),
        Status.badHandle,
        /tensor_load: file/,
      );
      assert.deepEqual([...readRows(context, tensor, 2, 3)], [1, -2, 0.5, 3, 1024, -0.125], format);
    }
  }));

Deno.test("files that cannot be mapped are named", () =>
  withContext("portable", 1, (context) => {
    assertNative(
      () => context.openFile("/nowhere/mödel.gguf"),
      Status.badArgument,
      /cannot open \/nowhere\/mödel.gguf/,
    );
    assertNative(() => context.openFile("/tmp"), Status.badArgument, /cannot map \/tmp/);
    const empty = Deno.makeTempFileSync();
    try {
      assertNative(() => context.openFile(empty), Status.badArgument, /cannot map/);
    } finally {
      Deno.removeSync(empty);
    }
  }));

Deno.test("a body that throws while recording leaves the context usable", () =>
  withContext("portable", 1, (context) => {
    const out = context.createTensor(1, 1), x = tensorOf(context, Float32Array.of(2, 3), 2);
    assert.throws(() =>
      context.record(() => {
        siluMul(context, out, x);
        throw new RangeError("halfway");
      }), /halfway/);
    assert.deepEqual([...readRows(context, out, 1, 1)], [0], "nothing ran");
    const graph = context.record(() => siluMul(context, out, x));
    assert.deepEqual([...readRows(context, out, 1, 1)], [0], "recording does not run");
    context.run(graph);
    assert.ok(readRows(context, out, 1, 1)[0]! > 5);
  }));

Deno.test("what a body throws while recording is told, even if its ops make no graph", () =>
  withContext("portable", 1, (context) => {
    const batch = context.createBatch({ rows: 1, segments: 1, pages: 1, outputs: 1 });
    const unwritten = context.batchTensor(batch, "outputSlice", 2),
      out = context.batchTensor(batch, "outputSlice", 1);
    const record = (end: () => void) =>
      context.record(() => {
        siluMul(context, out, unwritten);
        end();
      });
    assertNative(() => record(() => {}), Status.unsupported, /silu_mul: reads a slice/);
    assert.throws(() =>
      record(() => {
        throw new RangeError("halfway");
      }), RangeError("halfway"));
  }));

Deno.test("packed weights report their bytes; 32 rows of Q8_0 are about the file's size", () =>
  withContext("portable", 1, (context) => {
    const weight = context.createWeight(64, 128);
    const file = mapBytes(context, new Uint8Array(64 * 4 * 34));
    context.appendWeight(weight, { file, offset: 0, format: "Q8_0" }, 64, 0);
    context.packWeight(weight, "float32");
    assert.equal(context.weightBytes(weight), 64 * 4 * 34);
  }));

Deno.test("memory is what the host or the control group has left", () =>
  withContext("portable", 1, (context) => {
    const { freeBytes, totalBytes } = context.memory(), { total } = Deno.systemMemoryInfo();
    assert.ok(freeBytes > 0 && freeBytes <= totalBytes, `${freeBytes} of ${totalBytes}`);
    assert.ok(totalBytes <= total);
    const host = process.availableMemory();
    if (totalBytes === total) assert.ok(Math.abs(freeBytes - host) < host / 4, `${freeBytes} of ${host}`);
    else assert.ok(freeBytes < total, "a control group is the tighter bound");
  }));
