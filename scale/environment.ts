/**
 * The Python environment that the router lives in.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LoadError } from "../runtime/contracts/errors.ts";
import type { Router } from "./router.ts";

const root = join(import.meta.dirname!, "..");

/** The interpreter that runs `router`: the one that its variable names, else that of `build/scale-venv`. */
export function routerPython(router: Router): string {
  return Deno.env.get(router.variable) ?? join(root, "build", "scale-venv", "bin", "python");
}

/**
 * Makes sure that the interpreter has the router: a virtual environment is made, and the package installed, the first
 * time.
 *
 * @throws {LoadError} with what Python or pip said last
 */
export async function ensureRouter(router: Router, log: (text: string) => void): Promise<string> {
  const python = routerPython(router);
  if (await hasRouter(python, router)) return python;
  if (Deno.env.get(router.variable) !== undefined) {
    throw new LoadError(`Cannot use ${router.variable} ${python}: it does not have ${router.package}`);
  }
  const folder = join(root, "build", "scale-venv");
  if (!existsSync(python)) await run(["python3", "-m", "venv", folder]);
  log(`Installing ${router.package} into ${folder}`);
  await run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", router.package]);
  return python;
}

/** Whether `python` has exactly the pinned package. */
export async function hasRouter(python: string, { package: pinned }: Router): Promise<boolean> {
  const [name, version] = pinned.split("==");
  const script = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))";
  try {
    const { stdout } = await new Deno.Command(python, { args: ["-c", script, name!], stderr: "null" })
      .output();
    return new TextDecoder().decode(stdout).trim() === version;
  } catch {
    return false;
  }
}

async function run([program, ...args]: string[]): Promise<void> {
  const command = [program, ...args].join(" ");
  let output;
  try {
    output = await new Deno.Command(program!, { args, stdout: "null" }).output();
  } catch (error) {
    throw new LoadError(`Cannot run ${command}: ${(error as Error).message}`);
  }
  if (output.success) return;
  const said = new TextDecoder().decode(output.stderr).trim().split("\n").at(-1);
  throw new LoadError(`Cannot run ${command}: ${said}`);
}
