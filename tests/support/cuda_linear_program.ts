/**
 * The test programs of the CUDA backend's linear and embedding on the simulator: built once, run case by case.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run, type SimBuild } from "./sim_program.ts";

const root = join(import.meta.dirname!, "..", "..");
const sources = join(root, "tests", "kernels", "cuda", "linear");
const folder = join(root, "build", "cuda-linear-tests");

async function build(): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  using lock = await Deno.open(join(folder, ".lock"), { write: true, create: true });
  await lock.lock(true);
  for (const args of [["-S", sources, "-B", folder], ["--build", folder]]) {
    const { code, stdout, stderr } = await run("cmake", args);
    assert.equal(code, 0, `cmake ${args.join(" ")}\n${stdout}${stderr}`);
    assert.doesNotMatch(`${stdout}${stderr}`, /\bwarning:/, "no compiler warns");
  }
}

let built: Promise<void> | undefined;

/** Runs a case of linear or embedding, which are built first, and expects it to end without a finding. */
export async function passLinearCase(
  program: SimBuild,
  name: string,
  env: Record<string, string> = {},
): Promise<void> {
  await (built ??= build());
  const { code, stdout, stderr } = await run(join(folder, program), [name], env);
  assert.equal(code, 0, `${program} ${name} ${JSON.stringify(env)}\n${stdout}${stderr}`);
  assert.equal(stdout, "done\n", name);
}
