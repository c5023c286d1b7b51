/**
 * The sides of the comparison, and the installation of the peers: outside the project, in `~/.cache/aerie/bench`, since
 * nothing but this benchmark depends on them.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ServerSide } from "./server_side.ts";
import { ProcessSide, type Setup, type Side } from "./side.ts";

const NODE_LLAMA_CPP = "3.22.1";
/** Comes as source and is compiled for this CPU, which takes minutes. */
const LLAMA_CPP_PYTHON = "0.3.36";
/** Compiled for AMX, its llama.cpp died of an illegal instruction on a virtual machine that has AMX. */
const NO_AMX = "-mno-amx-tile\\ -mno-amx-int8\\ -mno-amx-bf16";
const CMAKE_ARGS = `-DCMAKE_C_FLAGS=${NO_AMX} -DCMAKE_CXX_FLAGS=${NO_AMX}`;
/** Rows of llama.cpp's batch where the prompts are shorter. */
const WHOLE_PROMPT = 2048;
const OPENVINO_GENAI = "2026.4.1.0";

/** How to start each side. */
export const sides: Readonly<Record<string, (setup: Setup) => Promise<Side> | Side>> = {
  "aerie http": (setup) => ServerSide.start(setup),
  "aerie engine": (setup) =>
    new ProcessSide([Deno.execPath(), "run", "--allow-all", pathOf("aerie_side.ts")], setup),
  [`node-llama-cpp ${NODE_LLAMA_CPP}`]: (setup) =>
    new ProcessSide(
      [
        "node",
        pathOf("node_llama_cpp_side.mjs"),
        installNodeLlamaCpp(),
        String(setup.batchSize ?? WHOLE_PROMPT),
      ],
      setup,
    ),
  [`llama-cpp-python ${LLAMA_CPP_PYTHON}`]: (setup) =>
    new ProcessSide(
      [installPython("llama-cpp-python", LLAMA_CPP_PYTHON), pathOf("llama_cpp_python_side.py")],
      setup,
    ),
  [`openvino-genai ${OPENVINO_GENAI}`]: (setup) =>
    new ProcessSide(
      [installPython("openvino-genai", OPENVINO_GENAI), pathOf("openvino_genai_side.py")],
      setup,
    ),
};

function pathOf(file: string): string {
  return new URL(file, import.meta.url).pathname;
}

function folderOf(name: string, version: string): string {
  const folder = join(homedir(), ".cache", "aerie", "bench", `${name}-${version}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Path of the npm package's module, installed on the first call. Its GPU binaries are left out; they fill gigabytes. */
function installNodeLlamaCpp(): string {
  const folder = folderOf("node-llama-cpp", NODE_LLAMA_CPP);
  const entry = join(folder, "node_modules", "node-llama-cpp", "dist", "index.js");
  if (!existsSync(entry)) {
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
    const binaries = `@node-llama-cpp/linux-${process.arch}@${NODE_LLAMA_CPP}`;
    const flags = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error"];
    run("npm", ["install", ...flags, `node-llama-cpp@${NODE_LLAMA_CPP}`, binaries], folder);
  }
  return entry;
}

/** Path of a Python that has the PyPI package, installed on the first call. */
function installPython(name: string, version: string): string {
  const folder = folderOf(name, version);
  const python = join(folder, "bin", "python"), stamp = join(folder, "installed");
  if (!existsSync(stamp)) {
    run("python3", ["-m", "venv", folder], folder);
    run(
      python,
      ["-m", "pip", "install", "--quiet", `${name}==${version}`],
      folder,
      process.arch === "x64" ? { CMAKE_ARGS } : {},
    );
    writeFileSync(stamp, "");
  }
  return python;
}

function run(program: string, args: string[], cwd: string, env: Record<string, string> = {}): void {
  execFileSync(program, args, {
    cwd,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
  });
}
