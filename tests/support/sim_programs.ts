/**
 * The test programs of the simulator: built once, run case by case.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";

const root = join(import.meta.dirname!, "..", "..");
const sources = join(root, "tests", "kernels", "sim", "native");
const folder = join(root, "build", "sim-tests");

/** Kernels as they are, or with access checks. */
export type SimBuild = "plain" | "checked";

/** How a program ended, and what it printed. */
export interface SimOutcome {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function run(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<SimOutcome> {
  const { code, signal, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    env,
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, signal, stdout: text(stdout), stderr: text(stderr) };
}

async function build(): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  using lock = await Deno.open(join(folder, ".lock"), { write: true, create: true });
  await lock.lock(true);
  for (const args of [["-S", sources, "-B", folder], ["--build", folder, "--parallel"]]) {
    const { code, stdout, stderr } = await run("cmake", args);
    assert.equal(code, 0, `cmake ${args.join(" ")}\n${stdout}${stderr}`);
    assert.doesNotMatch(`${stdout}${stderr}`, /\bwarning:/, "no compiler warns");
  }
}

let built: Promise<void> | undefined;

/** Runs a case of a test program, which is built first. */
export async function runCase(
  program: SimBuild,
  name: string,
  env: Record<string, string> = {},
): Promise<SimOutcome> {
  await (built ??= build());
  return await run(join(folder, program), [name], env);
}

/** Runs a case that must come to its end; the lines that it printed. */
export async function passCase(
  program: SimBuild,
  name: string,
  env: Record<string, string> = {},
): Promise<readonly string[]> {
  const { code, stdout, stderr } = await runCase(program, name, env);
  assert.equal(code, 0, `${program} ${name} ${JSON.stringify(env)}\n${stdout}${stderr}`);
  assert.match(stdout, /^done$/m, name);
  return stdout.trimEnd().split("\n").slice(0, -1);
}

/** A library of kernels with access checks, built first; see `tests/kernels/sim/native/library.cpp`. */
export async function libraryPath(): Promise<string> {
  await (built ??= build());
  return join(folder, "libshared.so");
}
