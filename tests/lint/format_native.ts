/**
 * Formats the native sources with clang-format, or with `--check` reports those that are not formatted. Only outside
 * of CI may clang-format be absent.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";

const kernels = join(import.meta.dirname!, "..", "..", "kernels");

function listSources(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return listSources(path);
    return /\.(h|cpp|cu|cuh)$/.test(name) ? [path] : [];
  });
}

const mode = Deno.args.includes("--check") ? ["--dry-run", "-Werror"] : ["-i"];
try {
  execFileSync("clang-format", [...mode, ...listSources(kernels)], { stdio: "inherit" });
} catch (error) {
  const isAbsent = (error as { code?: string }).code === "ENOENT";
  const notice = isAbsent ? "clang-format is not installed: the format of kernels/ is not checked\n" : "";
  process.stderr.write(notice);
  process.exit(isAbsent && Deno.env.get("CI") === undefined ? 0 : 1);
}
