/**
 * The switch of fibers that each processor has, and the one of the C library for all others.
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
