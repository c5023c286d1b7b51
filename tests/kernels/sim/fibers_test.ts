/**
 * The switch of fibers that each processor has, and the one of the C library for all others; the simulator on aarch64.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../../support/sim_programs.ts";

const COMPILER = "aarch64-linux-gnu-g++", EMULATOR = "qemu-aarch64";
const kernels = join(import.meta.dirname!, "..", "..", "..", "kernels");
const isInstalled = (command: string) =>
  run(command, ["--version"]).then(({ code }) => code === 0, () => false);
const canEmulate = await isInstalled(COMPILER) && await isInstalled(EMULATOR);

/** Compiles the program of fibers alone and runs it. */
async function assertSwitches(compiler: string, flags: readonly string[], emulator?: string): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const program = join(folder, "fibers");
    const sources = [
      join(import.meta.dirname!, "native", "fibers.cpp"),
      join(kernels, "sim", "fiber.cpp"),
    ];
    const built = await run(compiler, [
      "-std=c++20",
      "-O2",
      "-I",
      kernels,
      ...flags,
      ...sources,
      "-o",
      program,
    ]);
    assert.equal(built.code, 0, built.stderr);
    const { code, stdout, stderr } = emulator ? await run(emulator, [program]) : await run(program, []);
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.equal(stdout, "fibers keep what is theirs\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("sim: fibers keep registers and stacks, with this processor's switch and with ucontext", async () => {
  await assertSwitches("g++", []);
  await assertSwitches("g++", ["-DAERIE_SIM_UCONTEXT"]);
});

Deno.test({
  name: "sim: fibers keep registers and stacks on aarch64",
  ignore: !canEmulate && Deno.env.get("CI") === undefined,
  fn: () => assertSwitches(COMPILER, ["-static"], EMULATOR),
});

Deno.test({
  name: "sim: kernels compute the same on aarch64",
  ignore: !canEmulate && Deno.env.get("CI") === undefined,
  fn: async () => {
    const sources = join(import.meta.dirname!, "native"), build = join(kernels, "..", "build", "aarch64-sim");
    const target = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64"];
    for (
      const args of [
        ["-S", sources, "-B", build, ...target, `-DCMAKE_CXX_COMPILER=${COMPILER}`],
        ["--build", build, "--target", "plain", "--parallel", `${navigator.hardwareConcurrency}`],
      ]
    ) {
      const { code, stdout, stderr } = await run("cmake", args);
      assert.equal(code, 0, `${stdout}${stderr}`);
      assert.doesNotMatch(`${stdout}${stderr}`, /\bwarning:/);
    }
    for (
      const name of ["blocks_sum_through_shared_memory_and_shuffles", "half_shuffle", "graph_forks_and_joins"]
    ) {
      const { code, stdout, stderr } = await run(
        EMULATOR,
        ["-L", "/usr/aarch64-linux-gnu", join(build, "plain"), name],
        { AERIE_SIM_SEED: "1" },
      );
      assert.equal(code, 0, `${name}\n${stdout}${stderr}`);
      assert.match(stdout, /^done$/m, name);
    }
  },
});
