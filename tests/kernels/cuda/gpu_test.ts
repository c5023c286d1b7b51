/**
 * Devices and drivers that cannot be used, on the simulator: what a context says was found and is needed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { isSimulatorBuilt, simulatorPath } from "../../support/cuda_sim.ts";
import { run } from "../../support/sim_programs.ts";

const root = join(import.meta.dirname!, "..", "..", "..");

/** What a process of its own finds on the first device: what it is, or why it cannot be used. */
async function firstDevice(env: Record<string, string>): Promise<string> {
  const script = `
    import { Context } from "${root}/ffi/context.ts";
    try {
      using context = new Context("${simulatorPath}", { device: "cuda-sim", threads: 1 });
      console.log(context.describe());
    } catch (error) {
      console.log(error.code + ": " + error.message);
    }`;
  const { code, stdout, stderr } = await run(Deno.execPath(), ["eval", script], env);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  return stdout.trimEnd();
}

const CASES: readonly (readonly [string, Record<string, string>, string | RegExp])[] = [
  [
    "no driver",
    { AERIE_SIM_DRIVER: "0" },
    "device: Cannot use CUDA: no driver (libcuda.so.1 is not there)",
  ],
  [
    "a driver that is too old",
    { AERIE_SIM_DRIVER: "12040" },
    "device: Cannot use CUDA: the driver is for CUDA 12.4, expected 13.0 or newer",
  ],
  ["a newer driver", { AERIE_SIM_DRIVER: "13020" }, /^cuda-sim sm_90, /],
  [
    "no device",
    { AERIE_SIM_DEVICES: "0" },
    "device: Cannot use CUDA: no device, expected one of compute capability 8.0 or newer",
  ],
  [
    "a device that is too old",
    { AERIE_SIM_DEVICE: "sm_75" },
    "device: Cannot use CUDA: device 0 (Aerie simulator sm_75) has compute capability 7.5, expected 8.0 or newer",
  ],
  ["the oldest device that is new enough", { AERIE_SIM_DEVICE: "sm_80" }, /^cuda-sim sm_80, /],
];

for (const [name, env, expected] of CASES) {
  Deno.test({
    name: `cuda: ${name}`,
    ignore: !isSimulatorBuilt,
    fn: async () => {
      const said = await firstDevice(env);
      if (typeof expected === "string") assert.equal(said, expected);
      else assert.match(said, expected);
    },
  });
}
