/**
 * The files of the house, as the rules read them.
 *
 * @module
 */
import { join } from "node:path";

const root = join(import.meta.dirname!, "..", "..");

/** Folders that are made, or have rules of their own. */
const SKIPPED = new Set([".git", "build", "build-asan", "build-tsan", "node_modules", "shared", "npm"]);

/** Paths of all files below a folder, relative to the house. */
export function listFiles(folder: string): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (!isDirectory) return [path];
    return SKIPPED.has(name) ? [] : listFiles(path);
  });
}

/** Text of a file of the house. */
export function readFile(path: string): string {
  return Deno.readTextFileSync(join(root, path));
}
