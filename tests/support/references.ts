/**
 * Python programs of `tests/references/`, which say what is right: transformers, tokenizers, jinja2, gguf. They need
 * `tests/references/requirements.txt`, in the Python that `AERIE_PYTHON` names or in `python3`.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The Python that has the references installed; may lack them. */
const python = Deno.env.get("AERIE_PYTHON") ?? "python3";

/** Environment in which the packages ask no other host and print no advice. */
const OFFLINE = {
  HF_HUB_OFFLINE: "1",
  PYTHONDONTWRITEBYTECODE: "1",
  TOKENIZERS_PARALLELISM: "false",
  TRANSFORMERS_VERBOSITY: "error",
};

/** Options of a test that needs these packages: without them it is ignored, but in CI it runs and fails on what is missing. */
export async function needsReferences(...packages: readonly string[]): Promise<{ ignore: boolean }> {
  if (Deno.env.get("CI")) return { ignore: false };
  const find = "import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, sys.argv[1:])))";
  const isThere = await run(["-c", find, ...packages], "").then(({ success }) => success, () => false);
  return { ignore: !isThere };
}

/**
 * What a script of `tests/references/` prints for this input: JSON on its standard input, JSON on its standard output.
 * Imports take seconds, so one run should answer many questions.
 */
export async function askReference(script: string, input: unknown): Promise<unknown> {
  const path = join(import.meta.dirname!, "..", "references", script);
  const { success, stdout, stderr } = await run([path], JSON.stringify(input));
  assert(success, `${script} failed:\n${stderr}`);
  return JSON.parse(stdout);
}

async function run(args: readonly string[], input: string, { program = python, cwd = "." } = {}) {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd,
    env: OFFLINE,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const [{ success, stdout, stderr }] = await Promise.all([
    child.output(),
    writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {}),
  ]);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, stdout: text(stdout), stderr: text(stderr) };
}

/** Folder with llama.cpp, as npm has installed it from `tests/references/llama_cpp`; `.ci/run` does so. */
const llamaCpp = Deno.env.get("AERIE_LLAMA_CPP") ??
  join(import.meta.dirname!, "..", "..", "build", "llama_cpp");

/** Options of a test that needs llama.cpp: without it, it is ignored, but in CI it runs and fails. */
export function needsLlamaCpp(): { ignore: boolean } {
  const isThere = existsSync(join(llamaCpp, "node_modules", "node-llama-cpp"));
  return { ignore: !isThere && !Deno.env.get("CI") };
}

/** A GGUF file for llama.cpp, and the longest text it is told to expect. */
export interface LlamaCppFile {
  readonly path: string;
  readonly contextSize: number;
}

/** Greedy continuations of these tokens by llama.cpp, of each file `numGreedy` tokens. */
export async function llamaCppGreedy(
  files: Readonly<Record<string, LlamaCppFile>>,
  tokens: readonly number[],
  numGreedy: number,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const script = join(import.meta.dirname!, "..", "references", "llama_cpp", "greedy.mjs");
  const input = JSON.stringify({ files, tokens, numGreedy });
  const { success, stdout, stderr } = await run([script], input, { program: "node", cwd: llamaCpp });
  assert(success, `llama.cpp failed:\n${stderr}`);
  return JSON.parse(stdout);
}
