/**
 * Where nvcc comes from, and what is said where there is none.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";

const CMAKE = `cmake_minimum_required(VERSION 3.20)
project(tiny CXX)
set(CMAKE_CUDA_ARCHITECTURES 80-real)
enable_language(CUDA)
add_library(aerie_cuda SHARED tiny.cu host.cpp)
target_include_directories(aerie_cuda SYSTEM PRIVATE \${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
`;
const SOURCE = `#include <cuda_runtime.h>
__global__ void kernel(int* out) { *out = 1; }
void* address() { return (void*)kernel; }
`;
const HOST = `#include <cuda_runtime.h>
extern "C" int answer() { int version = 0; cudaRuntimeGetVersion(&version); return version; }
`;

/** A house with a library of CUDA and a `PATH` without nvcc, removed at the end of the scope. */
class HouseWithoutNvcc implements Disposable {
  readonly root = Deno.makeTempDirSync({ prefix: "aerie-nvcc-" });
  readonly path: string;

  constructor() {
    const sources = join(this.root, "kernels", "cuda");
    Deno.mkdirSync(sources, { recursive: true });
    Deno.writeTextFileSync(join(sources, "CMakeLists.txt"), CMAKE);
    Deno.writeTextFileSync(join(sources, "tiny.cu"), SOURCE);
    Deno.writeTextFileSync(join(sources, "host.cpp"), HOST);
    // What lies beside an nvcc is needed.
    this.path = Deno.env.get("PATH")!.split(":").map((folder, i) => {
      const names = namesIn(folder);
      if (!names.includes("nvcc")) return folder;
      const copy = join(this.root, `bin-${i}`);
      Deno.mkdirSync(copy);
      for (const name of names) if (name !== "nvcc") Deno.symlinkSync(join(folder, name), join(copy, name));
      return copy;
    }).join(":");
  }

  /** What the library's build ends with, after `before` ran. */
  async build(before = "", path = this.path): Promise<string> {
    const script = `
      import { ensureNvcc } from "./ffi/cuda_toolkit.ts";
      import { ensureLibrary } from "./ffi/build.ts";
      const root = Deno.args[0];
      try {
        ${before}
        console.log(await ensureLibrary({ root, device: "cuda" }));
      } catch (error) {
        console.log(error.name + ": " + error.message);
      }`;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", script, this.root],
      env: { PATH: path },
      cwd: join(import.meta.dirname!, "..", ".."),
    }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    return new TextDecoder().decode(stdout);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

const WAYS = "expected CUDA 13\\.0 or newer: install NVIDIA's toolkit, or: python3 -m pip install --target " +
  "/[^ ]*/build/cuda-toolkit( nvidia-[a-z-]+~=13\\.0\\.0){6}\n$";

Deno.test("cuda: without an nvcc the build says in one line where one comes from", async () => {
  using house = new HouseWithoutNvcc();
  const said = await house.build();
  assert.match(said, new RegExp(`^NativeError: Cannot build the native library: no nvcc on PATH, ${WAYS}`));
});

Deno.test("cuda: an nvcc that is too old is named", async () => {
  using house = new HouseWithoutNvcc();
  const old = join(house.root, "old");
  Deno.mkdirSync(old);
  const version = "Cuda compilation tools, release 11.8, V11.8.89";
  Deno.writeTextFileSync(join(old, "nvcc"), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
  const said = await house.build("", `${old}:${house.path}`);
  assert.match(
    said,
    new RegExp(`^NativeError: Cannot build the native library: the nvcc of PATH is CUDA 11\\.8's, ${WAYS}`),
  );
});

Deno.test({
  name: "cuda: pip's packages build a library",
  // They are 160 MB.
  ignore: Deno.env.get("CI") === undefined,
  fn: async () => {
    using house = new HouseWithoutNvcc();
    const library = await house.build("await ensureNvcc(root);");
    assert.equal(library, `${join(house.root, "build", "libaerie_cuda.so")}\n`);
    const opened = Deno.dlopen(library.trim(), { answer: { parameters: [], result: "i32" } });
    try {
      assert.equal(Math.floor(opened.symbols.answer() / 10), 1300);
    } finally {
      opened.close();
    }
  },
});
