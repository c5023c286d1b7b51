/**
 * The whole CUDA backend with access checks: what the host submits is ordered, and kernels of a launch use only what
 * those before them wrote. Tests that run without checks too run again on this library, under every order of threads,
 * blocks and work.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { checkedLibrary, run } from "../../support/sim_programs.ts";

const root = join(import.meta.dirname!, "..", "..", "..");
/** Files of quick tests; what kernels do in large launches, programs of their own check. */
const FILES = [
  "cuda/backend_test.ts",
  "cuda/graph_test.ts",
  "dtype_test.ts",
  "embedding_test.ts",
  "kv_copy_test.ts",
  "rows_test.ts",
  "sampling_logprobs_test.ts",
];

for (const schedule of ["forward", "reverse", "1"]) {
  Deno.test(`cuda: the backend's accesses and copies are ordered [checked, ${schedule}]`, async () => {
    const library = await checkedLibrary.pathOf("libaerie_cuda_sim.so");
    const { code, stdout, stderr } = await run(
      Deno.execPath(),
      ["test", "-A", "--no-check", "--quiet", "--filter", "/^cuda: |\\[cuda-sim\\]/"].concat(
        FILES.map((file) => join(root, "tests", "kernels", file)),
      ),
      { AERIE_SIM_LIBRARY: library, AERIE_SIM_SEED: schedule, NO_COLOR: "1" },
    );
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.match(stdout, /^ok \| \d\d passed \| 0 failed/m);
  });
}
