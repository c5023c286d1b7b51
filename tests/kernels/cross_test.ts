/**
 * The library for aarch64: cross-compiled, and its NEON kernels held against the portable ones under qemu.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";

const COMPILER = "aarch64-linux-gnu-g++", EMULATOR = "qemu-aarch64";
const root = join(import.meta.dirname!, "..", "..");

async function run(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, stdout: "piped", stderr: "piped" })
    .output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, `${command} ${args.join(" ")}\n${text}`);
  return text;
}

async function isInstalled(command: string): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    })
      .output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const canRun = await isInstalled(COMPILER) && await isInstalled(EMULATOR);

Deno.test({
  name: "aarch64: builds, and NEON kernels agree with the portable ones",
  ignore: !canRun && Deno.env.get("CI") === undefined,
  fn: async () => {
    const build = join(root, "build", "aarch64");
    await run(
      "cmake",
      ...["-S", join(root, "kernels"), "-B", build, "-DCMAKE_SYSTEM_NAME=Linux"],
      ...["-DCMAKE_SYSTEM_PROCESSOR=aarch64", `-DCMAKE_CXX_COMPILER=${COMPILER}`],
    );
    await run("cmake", "--build", build, "--parallel", `${navigator.hardwareConcurrency}`);
    const program = join(build, "agree");
    const source = join(root, "tests", "kernels", "native", "agree.cpp");
    const include = join(root, "kernels", "include");
    await run(
      COMPILER,
      ...[
        "-std=c++20",
        "-O1",
        `-I${include}`,
        source,
        "-o",
        program,
        join(build, "libaerie.so"),
        `-Wl,-rpath,${build}`,
      ],
    );
    assert.match(
      await run(EMULATOR, "-L", "/usr/aarch64-linux-gnu", program, "neon"),
      /^[1-9]\d* cases agree$/m,
    );
  },
});
