/**
 * Runs as a process of its own: brings the native library up and then faults in the way that its first argument names,
 * or provokes what looks like a fault and goes on. The second argument is the device, `cpu` or `cuda-sim`.
 *
 * @module
 */
import { Context } from "../../ffi/context.ts";
import { linear } from "../../ffi/ops.ts";
import { ensureLibrary } from "../../ffi/build.ts";
import { Device } from "../../ffi/enums.ts";

const device = Deno.args[1] === "cuda-sim" ? "cuda-sim" : "cpu";
const libraryPath = await ensureLibrary({ device });
const cols = 4096, rows = 1024;

/** The ways to fault. */
const faults: Readonly<Record<string, () => void>> = {
  /** A wild pointer across the border: the C library faults on the library's behalf. */
  pointer() {
    using context = createContext();
    const tensor = context.createTensor(1, cols);
    const { symbols: { aerie_tensor_write: write } } = Deno.dlopen(
      libraryPath,
      { aerie_tensor_write: { parameters: ["u32", "u32", "pointer", "u32", "u32"], result: "i32" } } as const,
    );
    write(context.id, tensor, Deno.UnsafePointer.create(8n), 0, 1);
  },

  /** A wild pointer that the library itself follows. */
  result() {
    const { symbols: { aerie_context_create: create } } = Deno.dlopen(
      libraryPath,
      { aerie_context_create: { parameters: ["pointer", "i32", "u32", "u32"], result: "i32" } } as const,
    );
    create(Deno.UnsafePointer.create(8n), Device[device], 0, 1);
  },

  /** Memory that is gone under a recorded op. */
  op() {
    using context = createContext();
    const batch = context.createBatch({ rows: 1, segments: 1, pages: 1, outputs: 1 });
    const x = context.batchTensor(batch, "rows", cols), out = context.batchTensor(batch, "rows", rows);
    const before = readMaps();
    const file = context.createFile(new Uint8Array(4 * rows * cols));
    const weight = context.createWeight(rows, cols);
    context.appendWeight(weight, { file, offset: 0, format: "F32" }, rows, 0);
    context.packWeight(weight, "float32");
    context.closeFile(file);
    const graph = context.record(() => linear(context, out, x, weight));
    writeOneRow(context, batch);
    context.run(graph);
    for (const line of readMaps().filter((line) => !before.includes(line))) {
      const [, from, to] = /^(\w+)-(\w+) rw/.exec(line) ?? [];
      const bytes = BigInt(`0x${to ?? 0}`) - BigInt(`0x${from ?? 0}`);
      if (bytes >= BigInt(4 * rows * cols)) {
        libc().mprotect(Deno.UnsafePointer.create(BigInt(`0x${from}`)), bytes, 0);
      }
    }
    context.run(graph);
  },

  /** A mapped file that becomes shorter. */
  file() {
    using context = createContext();
    const path = Deno.makeTempFileSync();
    Deno.truncateSync(path, 4 * rows * cols);
    const file = context.openFile(path), weight = context.createWeight(rows, cols);
    context.appendWeight(weight, { file, offset: 0, format: "F32" }, rows, 0);
    Deno.truncateSync(path, 0);
    Deno.removeSync(path);
    context.packWeight(weight, "float32");
  },

  /** A fault that has nothing to do with the library. */
  outside() {
    using _ = createContext();
    libc().strlen(Deno.UnsafePointer.create(8n));
  },

  /** Ends of JavaScript and WebAssembly that V8 turns into exceptions. */
  none() {
    using _ = createContext();
    const wasm = [
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      [1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f],
      [3, 2, 1, 0],
      [5, 3, 1, 0, 1],
      [7, 8, 1, 4, 0x72, 0x65, 0x61, 0x64, 0, 0],
      [10, 9, 1, 7, 0, 0x20, 0, 0x28, 2, 0, 0x0b],
    ];
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(wasm.flat())));
    const read = exports["read"] as (at: number) => number;
    for (let i = 0; i < 10_000; i++) read(i);
    expect(WebAssembly.RuntimeError, () => read(-4));
    const deep = (): number => 1 + deep();
    expect(RangeError, deep);
    expect(WebAssembly.RuntimeError, () => read(1 << 20));
    Deno.stdout.writeSync(new TextEncoder().encode("alive\n"));
  },
};

function createContext(): Context {
  return new Context(libraryPath, { device, threads: 2 });
}

function writeOneRow(context: Context, batch: ReturnType<Context["createBatch"]>): void {
  context.writeBatch(batch, {
    tokens: new Int32Array(1),
    positions: new Int32Array(1),
    slots: new Int32Array(1),
    visible: new Int32Array(1),
    treeMasks: new BigUint64Array(1),
    segmentStarts: Int32Array.of(0, 1),
    pageTable: new Int32Array(1),
    outputs: new Int32Array(1),
    numRows: 1,
    numSegments: 1,
    pagesPerSegment: 1,
    numOutputs: 1,
  });
}

function readMaps(): string[] {
  return Deno.readTextFileSync("/proc/self/maps").split("\n");
}

function libc() {
  return Deno.dlopen(
    "libc.so.6",
    {
      mprotect: { parameters: ["pointer", "u64", "i32"], result: "i32" },
      strlen: { parameters: ["pointer"], result: "u64" },
    } as const,
  ).symbols;
}

function expect(kind: ErrorConstructor | typeof WebAssembly.RuntimeError, body: () => unknown): void {
  try {
    body();
  } catch (error) {
    if (error instanceof kind) return;
    throw error;
  }
  throw new Error(`Cannot see ${kind.name}: nothing was thrown`);
}

faults[Deno.args[0]!]!();
