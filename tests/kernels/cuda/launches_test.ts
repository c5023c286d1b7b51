/**
 * What a decode step asks of a device: one graph, one copy to it, one back, one wait.
 *
 * @module
 */
import assert from "node:assert/strict";
import { LAUNCH_TEXT, launchTable } from "../../../bench/cuda/launches.ts";
import { readSection } from "../../../bench/cuda/page.ts";
import { isSimulatorBuilt } from "../../support/cuda_sim.ts";

Deno.test({
  name: "cuda: docs/cuda.md has the launches of a step as they are counted; deno task docs:cuda writes them",
  ignore: !isSimulatorBuilt,
  fn: async () => {
    const table = await launchTable(), [, opByOp, byGraph] = table;
    assert.deepEqual(byGraph, ["by graph", "0", "1", opByOp![1], "1", "1", "1"]);
    assert.deepEqual(readSection("launches"), { text: LAUNCH_TEXT, table });
  },
});
