/**
 * The library for GPUs, for tests on machines without one. Where nobody built it and nobody asks for it, its tests are
 * ignored: it takes minutes to build.
 *
 * @module
 */
import { ensureLibrary } from "../../ffi/build.ts";
import { nvcc } from "./nvcc.ts";

function isBuilt(): boolean {
  try {
    return Deno.statSync(new URL("../../build/libaerie_cuda.so", import.meta.url)).isFile;
  } catch {
    return false;
  }
}

/** Path of the library, or undefined where its tests are ignored. */
export const cudaLibrary: string | undefined = Deno.env.has("CI") || (nvcc !== undefined && isBuilt())
  ? await ensureLibrary({ device: "cuda" })
  : undefined;
