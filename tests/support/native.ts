/**
 * Native contexts for tests: on which instruction sets, from which library, with what inside.
 *
 * @module
 */
import { readFileSync } from "node:fs";

import { ensureLibrary } from "../../ffi/build.ts";
import { Context } from "../../ffi/context.ts";
import type { FileId, TensorId } from "../../ffi/handles.ts";
import { openLibrary } from "../../ffi/library.ts";
import { normal, type Random } from "./block_formats.ts";

/** The library under test: `AERIE_LIBRARY`, else the one the build makes. */
export const libraryPath: string = Deno.env.get("AERIE_LIBRARY") ??
  await ensureLibrary();

// The library stays open for good: opened here, no test is blamed for it.
openLibrary(libraryPath);

/** The CPU flags that each instruction set of the library needs, best last. */
const ISA_FLAGS = {
  portable: [],
  neon: ["asimddp"],
  avx2: ["avx2", "fma", "f16c"],
  avxvnni: ["avx2", "fma", "f16c", "avx_vnni"],
  avx512vnni: ["avx512_vnni", "avx512bw", "avx512vl"],
  amx: ["avx512_vnni", "avx512bw", "avx512vl", "avx512_bf16", "gfni", "amx_tile", "amx_bf16"],
} as const;

/** An instruction set of the CPU backend. */
export type Isa = keyof typeof ISA_FLAGS;

const cpuFlags = new Set(
  /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "),
);

let tilesGranted: boolean | undefined;

/** Whether this CPU has an instruction set. */
export function hasIsa(isa: Isa): boolean {
  return ISA_FLAGS[isa].every((flag) => cpuFlags.has(flag)) &&
    (isa !== "amx" || (tilesGranted ??= mayUseTiles()));
}

/** Whether the kernel lets processes have the registers of AMX. */
function mayUseTiles(): boolean {
  try {
    return withContext("amx", 1, () => true);
  } catch {
    return false;
  }
}

/** Every instruction set the library has on this architecture. */
export const ALL_ISAS: readonly Isa[] = Deno.build.arch === "x86_64"
  ? ["portable", "avx2", "avxvnni", "avx512vnni", "amx"]
  : ["portable", "neon"];

/** Registers a test once per instruction set, on two threads; those this CPU lacks are reported as ignored. */
export function testEachIsa(name: string, body: (context: Context) => void): void {
  for (const isa of ALL_ISAS) {
    Deno.test({ name: `${name} [${isa}]`, ignore: !hasIsa(isa), fn: () => withContext(isa, 2, body) });
  }
}

/** Runs `body`, which makes a context, with `AERIE_CPU_ISA` set. */
export function withIsa<Result>(isa: Isa, body: () => Result): Result {
  const before = Deno.env.get("AERIE_CPU_ISA");
  Deno.env.set("AERIE_CPU_ISA", isa);
  try {
    return body();
  } finally {
    if (before === undefined) Deno.env.delete("AERIE_CPU_ISA");
    else Deno.env.set("AERIE_CPU_ISA", before);
  }
}

/** Runs `body` with a CPU context that is gone afterwards. */
export function withContext<Result>(isa: Isa, threads: number, body: (context: Context) => Result): Result {
  using context = withIsa(isa, () => new Context(libraryPath, { device: "cpu", threads }));
  return body(context);
}

/** Maps bytes as a file that has no name any more. */
export function mapBytes(context: Context, bytes: Uint8Array): FileId {
  const path = Deno.makeTempFileSync({ prefix: "aerie_test_" });
  try {
    Deno.writeFileSync(path, bytes);
    return context.openFile(path);
  } finally {
    Deno.removeSync(path);
  }
}

/** A tensor [data.length / cols, cols] with these values. */
export function tensorOf(context: Context, data: Float32Array<ArrayBuffer>, cols: number): TensorId {
  const rows = data.length / cols;
  const tensor = context.createTensor(rows, cols);
  context.writeTensor(tensor, data, 0, rows);
  return tensor;
}

/** The first `rows` rows of a tensor. */
export function readRows(
  context: Context,
  tensor: TensorId,
  rows: number,
  cols: number,
): Float32Array<ArrayBuffer> {
  const data = new Float32Array(rows * cols);
  context.readTensor(tensor, data, 0, rows);
  return data;
}

/** Standard normal float32 numbers. */
export function normals(random: Random, length: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, () => normal(random));
}
