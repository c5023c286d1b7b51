/**
 * The kernels of the backend are CUDA: nvcc compiles each file without a warning or a spilled register, where it is
 * installed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../../support/sim_programs.ts";

const root = join(import.meta.dirname!, "..", "..", "..");
const sources = join(root, "kernels", "cuda", "device");
const hasNvcc = await run("nvcc", ["--version"]).then(({ code }) => code === 0, () => false);

const names = [...Deno.readDirSync(sources)].map(({ name }) => name).filter((name) => name.endsWith(".cu"));

for (const name of names.sort()) {
  Deno.test({
    name: `cuda: nvcc compiles ${name}`,
    ignore: !hasNvcc,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        // Quantised kernels are many: where registers are fewest.
        const devices = name.startsWith("linear_q") ? ["80"] : ["80", "90a", "100"];
        const { code, stdout, stderr } = await run("nvcc", [
          ...["-std=c++20", "-Werror", "all-warnings", "-fmad=false", "-Xptxas", "-v"],
          ...devices.map((device) => `-gencode=arch=compute_${device},code=sm_${device}`),
          ...["-I", join(root, "kernels"), "-I", join(root, "kernels", "include")],
          ...["-c", join(sources, name), "-o", join(folder, "kernel.o")],
        ]);
        assert.equal(code, 0, `${stdout}${stderr}`);
        assert.doesNotMatch(`${stdout}${stderr}`, /[1-9]\d* bytes spill/);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
