/**
 * Programs in which other people's clients run: Python with `tests/clients/requirements.txt` installed
 * (`AERIE_CLIENTS_PYTHON`, or the virtual environment that `.ci/run` makes), another with `requirements-instructor.txt`
 * (`AERIE_INSTRUCTOR_PYTHON`), since its packages exclude the others, and Deno with the npm packages of
 * `tests/clients/npm/deno.json`, which whoever starts a server need not download.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { dirname, join } from "node:path";
import { apiKey, servedModel } from "./client_server.ts";
import { needsModel } from "./model_file.ts";
import type { ServerProcess } from "./server_process.ts";

const root = join(import.meta.dirname!, "..", "..");

/** Folder of the clients' suites and their scripts. */
export const clientsFolder: string = join(root, "tests", "clients");

/** An installation of Python packages, of which each may exclude another's. */
export type PythonClients = "clients" | "instructor";

/** The Python that has clients installed; may be missing. */
function pythonOf(clients: PythonClients): string {
  return Deno.env.get(`AERIE_${clients.toUpperCase()}_PYTHON`) ??
    join(root, "build", clients, "bin", "python");
}

/** Environment in which Python packages ask no other host. */
export const OFFLINE: Readonly<Record<string, string>> = {
  HF_HUB_OFFLINE: "1",
  HF_DATASETS_OFFLINE: "1",
  LITELLM_LOCAL_MODEL_COST_MAP: "True",
  NO_PROXY: "127.0.0.1",
  PYTHONDONTWRITEBYTECODE: "1",
};

/** How a program ended, with all it printed. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is run. */
export interface ClientOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder that it runs in; the house's own if absent. */
  readonly cwd?: string;
}

/** Time that a program may take, ms: the slowest needs two minutes on a busy machine. */
const maxRunMs = 20 * 60_000;

/**
 * Runs a program and waits for it. One that hangs is killed, and has a code above 0.
 *
 * @throws {Deno.errors.NotFound} if there is no such program
 */
export async function runClient(
  program: string,
  args: readonly string[],
  { env = {}, cwd = root }: ClientOptions = {},
): Promise<Ended> {
  const child = new Deno.Command(program, {
    args: [...args],
    env,
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), maxRunMs);
  const { code, stdout, stderr } = await child.output().finally(() => clearTimeout(timer));
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs a script of `tests/clients/npm`, or a package that its deno.json names. */
export function runNpmClient(script: string, ...args: readonly string[]): Promise<Ended> {
  const folder = join(clientsFolder, "npm");
  const entry = script.endsWith(".ts") ? join(folder, script) : script;
  const config = ["--config", join(folder, "deno.json"), "--frozen"];
  return runClient(Deno.execPath(), ["run", "-A", ...config, entry, ...args]);
}

/** A program that came with a Python package. */
export function pythonProgram(name: string): string {
  return join(dirname(pythonOf("clients")), name);
}

/**
 * Options of a test that runs Python packages, and the default model unless it brings its own. Without them it is
 * ignored, but in CI it runs and fails on what is missing.
 */
export async function needsPython(
  packages: readonly string[],
  { usesModel = true, clients = "clients" }: {
    readonly usesModel?: boolean;
    readonly clients?: PythonClients;
  } = {},
): Promise<{ ignore: boolean }> {
  if (Deno.env.get("CI")) return { ignore: false };
  const find = "import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, sys.argv[1:])))";
  const isInstalled = await runClient(pythonOf(clients), ["-c", find, ...packages])
    .then(({ code }) => code === 0, () => false);
  return { ignore: !isInstalled || (usesModel && needsModel().ignore) };
}

/**
 * Runs a script of checks against a server, each as a step of a test: `check_<client>.py`, or a TypeScript one of
 * `npm/`. `checks.py` says how they report.
 */
export async function runChecks(
  t: Deno.TestContext,
  script: string,
  { server: { url }, clients = "clients" }: {
    readonly server: ServerProcess;
    readonly clients?: PythonClients | undefined;
  },
): Promise<void> {
  const args = [url, servedModel, apiKey];
  const { code, stdout, stderr } = script.endsWith(".ts")
    ? await runNpmClient(script, ...args)
    : await runClient(pythonOf(clients), [join(clientsFolder, script), ...args], { env: OFFLINE });
  assert.equal(code, 0, stdout + stderr);
  const reports = stdout.split("\n").filter((line) => line.startsWith('{"check"')).map((line) =>
    JSON.parse(line)
  );
  assert(reports.length > 0, stdout + stderr);
  for (const { check, error } of reports) await t.step(check, () => assert(error === null, error));
}
