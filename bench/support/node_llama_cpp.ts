/**
 * Installs the peer from npm, outside the project: nothing but this benchmark depends on it.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** Version of node-llama-cpp and of its prebuilt binaries. */
export const NODE_LLAMA_CPP = "3.22.1";

/** Path of the peer's module, installed on the first call. Its GPU binaries are left out; they fill gigabytes. */
export function installNodeLlamaCpp(): string {
  const folder = join(homedir(), ".cache", "aerie", "bench", `node-llama-cpp-${NODE_LLAMA_CPP}`);
  const entry = join(folder, "node_modules", "node-llama-cpp", "dist", "index.js");
  if (!existsSync(entry)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
    const binaries = `@node-llama-cpp/linux-${process.arch}@${NODE_LLAMA_CPP}`;
    const flags = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error"];
    execFileSync("npm", ["install", ...flags, `node-llama-cpp@${NODE_LLAMA_CPP}`, binaries], {
      cwd: folder,
      stdio: ["ignore", "inherit", "inherit"],
    });
  }
  return entry;
}
