/**
 * The library that nvcc makes, opened where there is no GPU.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Context } from "../../../ffi/context.ts";
import { openLibrary } from "../../../ffi/library.ts";
import { cudaLibrary } from "../../support/cuda.ts";

/** Whether this machine has NVIDIA's driver. */
function hasDriver(): boolean {
  try {
    Deno.dlopen("libcuda.so.1", {}).close();
    return true;
  } catch {
    return false;
  }
}

// It stays open for good: opened here, no test is blamed for it.
if (cudaLibrary !== undefined) openLibrary(cudaLibrary);

Deno.test({
  name: "cuda: the library opens without a driver, and a context says that there is none",
  ignore: cudaLibrary === undefined || hasDriver(),
  fn() {
    for (let i = 0; i < 2; i++) {
      assert.throws(() => new Context(cudaLibrary!, { device: "cuda", threads: 2 }), {
        name: "NativeError",
        code: "device",
        message: "Cannot use CUDA: no driver (libcuda.so.1 is not there)",
      });
    }
  },
});
