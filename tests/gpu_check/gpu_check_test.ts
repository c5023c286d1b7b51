/**
 * `tools/gpu_check.sh --sim`: the check of a machine with a GPU, rehearsed on cuda-sim from the build to the table.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { isSimulatorBuilt, simulatorPath } from "../support/cuda_sim.ts";
import { run } from "../support/sim_programs.ts";
import { pack, record } from "./record.ts";

const root = join(import.meta.dirname!, "..", "..");
const STEPS = [
  ...["machine", "build_library", "build_simulator", "build_programs", "open_library", "mma_tiles", "replay"],
  ...["sanitizer", "yardsticks", "kernels", "forwards"],
];

const State = z.object({
  steps: z.record(
    z.string(),
    z.object({
      status: z.string(),
      seconds: z.number(),
      reason: z.string().optional(),
      result: z.unknown().optional(),
    }),
  ),
});

/** A folder with a bundle of one small trace, in which the check keeps what it builds. */
class Rehearsal implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "aerie_gpu_check_" });
  readonly trace = join(this.folder, "forward.sm_90.trace");
  readonly bundle = join(this.folder, "bundle.tar.xz");

  async record(): Promise<void> {
    const program = [
      "run",
      "-A",
      "--no-check",
      "tests/support/traced_forward.ts",
      simulatorPath!,
      "cuda-sim",
    ];
    await record({ name: "forward", device: "sm_90", args: program }, this.trace);
    assert.ok(await pack([this.trace], this.bundle) > 1000);
  }

  /** Its exit code, what it printed, and its state. */
  async check(...options: readonly string[]) {
    const state = join(this.folder, "state.json");
    const { code, stdout, stderr } = await run(join(root, "tools", "gpu_check.sh"), [
      "--sim",
      `--bundle=${this.bundle}`,
      `--state=${state}`,
      `--work=${join(root, "build", "gpu-check-rehearsal")}`,
      `--library-build=${join(root, "build", "cmake-cuda-sim")}`,
      ...options,
    ]);
    assert.equal(stderr, "");
    return { code, stdout, ...State.parse(JSON.parse(await Deno.readTextFile(state))) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test({
  name:
    "gpu-check: builds, compares and measures on the simulator, goes on where it ended, and names what differs",
  ignore: !isSimulatorBuilt,
  fn: async () => {
    await using rehearsal = new Rehearsal();
    await rehearsal.record();

    const first = await rehearsal.check("--only", ...STEPS.slice(0, 6));
    assert.equal(first.code, 0, first.stdout);
    assert.match(first.stdout, /^replay +not run$/m);

    // What there is no time for is left.
    const late = await rehearsal.check("--minutes=0");
    assert.equal(late.code, 3, late.stdout);

    const { code, stdout, steps } = await rehearsal.check();
    assert.equal(code, 0, stdout);
    assert.doesNotMatch(stdout, /^mma_tiles: /m, "what was done is not done again");
    assert.deepEqual(Object.keys(steps), STEPS);
    for (const [name, { status }] of Object.entries(steps)) {
      assert.equal(status, name === "sanitizer" ? "skipped" : "passed", name);
    }
    assert.match(stdout, /^mma_tiles +passed .* s +\d{6} results on Aerie simulator sm_90, 0 differ$/m);
    assert.match(stdout, /^replay +passed .* s +1 of 1 traces are equal$/m);
    const { result: replayed } = steps["replay"]!;
    assert.match(
      (replayed as Record<string, string>)["forward.sm_90.trace"]!,
      /^equal: \d+ calls, 3 outputs of/,
    );
    // A line a kernel, each with its rate, and the forwards with graphs and without.
    for (const name of ["linear bf16 qkv", "linear q4_k down", "attention", "rms_norm", "sample greedy"]) {
      assert.match(stdout, new RegExp(`^${name} .* \\d+\\.\\d+ +\\d+\\.\\d +\\d+ %`, "m"));
    }
    assert.match(stdout, /^op by op +8 +70 +\d+\.\d{3} +\d+\.\d/m);
    assert.match(stdout, /^graph +8 +70 +\d+\.\d{3} +\d+\.\d/m);

    // Another bundle is another check; this one's last number was changed.
    const bytes = await Deno.readFile(rehearsal.trace);
    bytes[bytes.length - (16 + 5) - (5 + 9 + 9) - 1]! ^= 0x80;
    await Deno.writeFile(rehearsal.trace, bytes);
    await pack([rehearsal.trace], rehearsal.bundle);
    const wrong = await rehearsal.check("--only", "replay");
    assert.equal(wrong.code, 1, wrong.stdout);
    assert.match(wrong.steps["replay"]!.reason!, /: differs at call \d+: tensor_read: \[1, 47\] is /);
    assert.match(wrong.stdout, /^replay +failed /m);
  },
});
