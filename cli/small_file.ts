/**
 * Reads files that a flag names.
 *
 * @module
 */
import { readFileSync, statSync } from "node:fs";
import { UsageError } from "./usage_error.ts";

/**
 * The text of a regular file of at most `maxBytes`.
 *
 * @param name what the error calls it
 * @throws {UsageError} if it is none, too large or unreadable
 */
export function readSmallFile(path: string, maxBytes: number, name: string): string {
  try {
    const info = statSync(path);
    if (!info.isFile()) throw new Error("it is not a file");
    if (info.size > maxBytes) throw new Error(`${info.size} bytes, at most ${maxBytes} allowed`);
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`Cannot use ${name}: ${error instanceof Error ? error.message : error}`);
  }
}
