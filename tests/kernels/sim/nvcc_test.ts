/**
 * The kernels of the simulator's tests are CUDA: nvcc compiles them without a warning where it is installed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { nvcc } from "../../support/nvcc.ts";
import { run } from "../../support/sim_programs.ts";

const root = join(import.meta.dirname!, "..", "..", "..");
const sources = join(root, "tests", "kernels", "sim", "native");

Deno.test({
  name: "sim: nvcc compiles the same kernels",
  ignore: nvcc === undefined,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const kernels = [...Deno.readDirSync(sources)].map(({ name }) => name).filter((name) =>
        name.endsWith(".cu")
      );
      assert.ok(kernels.length > 0);
      for (const name of kernels) {
        const { code, stdout, stderr } = await run(nvcc!, [
          ...["-std=c++20", "-arch=sm_80", "-Werror", "all-warnings", "-fmad=false"],
          ...["-I", join(root, "kernels"), "-c", join(sources, name), "-o", join(folder, "kernel.o")],
        ]);
        assert.equal(code, 0, `${name}\n${stdout}${stderr}`);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
