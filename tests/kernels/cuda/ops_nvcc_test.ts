/**
 * The kernels of rows, cache and attention are CUDA: nvcc compiles them without a warning or a spilled register, where
 * it is installed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../../support/sim_program.ts";

const root = join(import.meta.dirname!, "..", "..", "..");
const sources = join(root, "kernels", "cuda", "device");
const hasNvcc = await run("nvcc", ["--version"]).then(({ code }) => code === 0, () => false);

const KERNELS = [
  "activation",
  "attention",
  "attention_merge",
  "bias",
  "copies",
  "kv_cache",
  "rms_norm",
  "rope",
  "rows",
];

Deno.test({
  name: "cuda: nvcc compiles the kernels of rows, cache and attention",
  ignore: !hasNvcc,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      for (const name of KERNELS) {
        const { code, stdout, stderr } = await run("nvcc", [
          ...["-std=c++20", "-Werror", "all-warnings", "-fmad=false", "-Xptxas", "-v"],
          ...["80", "90a", "100"].map((each) => `-gencode=arch=compute_${each},code=sm_${each}`),
          ...["-I", join(root, "kernels"), "-I", join(root, "kernels", "include")],
          ...["-c", join(sources, `${name}.cu`), "-o", join(folder, "kernel.o")],
        ]);
        assert.equal(code, 0, `${name}\n${stdout}${stderr}`);
        assert.doesNotMatch(`${stdout}${stderr}`, /[1-9]\d* bytes spill/, name);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
