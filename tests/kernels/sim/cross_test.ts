/**
 * The simulator for aarch64: cross-compiled, and its own switch of fibers run under qemu.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../../support/sim_program.ts";

const COMPILER = "aarch64-linux-gnu-g++", EMULATOR = "qemu-aarch64";
const root = join(import.meta.dirname!, "..", "..", "..");
const isInstalled = (command: string) =>
  run(command, ["--version"]).then(({ code }) => code === 0, () => false);
const canRun = await isInstalled(COMPILER) && await isInstalled(EMULATOR);

/** Cases and what they print: threads that meet, one that does not, a fault that a signal finds, tensor cores. */
const CASES = [
  ["lanes_exchange_values", /^done$/m],
  ["half_shuffle", /^missing lane: kernel half_shuffle/m],
  ["far_beyond_an_allocation", /^access out of bounds: kernel copy/m],
  ["product_does_not_depend_on_other_rows", /^bits [0-9a-f]+\ndone$/m],
] as const;

Deno.test({
  name: "sim: runs on aarch64",
  ignore: !canRun && Deno.env.get("CI") === undefined,
  fn: async () => {
    const folder = join(root, "build", "sim-aarch64");
    const sources = join(root, "tests", "kernels", "sim", "native");
    const configure = ["-S", sources, "-B", folder, "-DCMAKE_SYSTEM_NAME=Linux"];
    // The emulator runs little: what counts is the compiler's time.
    const quick = ["-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0"];
    const target = ["-DCMAKE_SYSTEM_PROCESSOR=aarch64", `-DCMAKE_CXX_COMPILER=${COMPILER}`];
    for (
      const args of [
        [...configure, ...target, "-DCMAKE_EXE_LINKER_FLAGS=-static", ...quick],
        ["--build", folder, "--parallel", "--target", "plain"],
      ]
    ) {
      const { code, stdout, stderr } = await run("cmake", args);
      assert.equal(code, 0, `${stdout}${stderr}`);
    }
    for (const [name, printed] of CASES) {
      const { code, stdout, stderr } = await run(EMULATOR, [join(folder, "plain"), name]);
      assert.equal(code, 0, `${name}\n${stdout}${stderr}`);
      assert.match(stdout, printed, name);
    }
  },
});
