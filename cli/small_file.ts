/**
 * Reads files that a flag names.
 *
 * @module
 */
import { readFileSync, statSync } from "node:fs";
import { UsageError } from "./usage_error.ts";

/** Leaves a byte order mark out. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error("it is not UTF-8");
  }
}

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
    return decode(readFileSync(path));
  } catch (error) {
    throw new UsageError(`Cannot use ${name}: ${error instanceof Error ? error.message : error}`);
  }
}
