/**
 * Globals that web-xgrammar needs; to be imported before it. It is a UMD module that npm calls ESM, so it looks for
 * node's names, and it prints to the console, which in a host is the pipe to the server.
 *
 * @module
 */
import { createRequire } from "node:module";

/** What was printed since the last look. */
let printed: string[] = [];

/** Lines kept at most: a warning per refused token is printed, too. */
const MAX_LINES = 100;

function print(...values: unknown[]): void {
  if (printed.length >= MAX_LINES) printed = printed.slice(-MAX_LINES / 2);
  printed.push(values.join(" "));
}

/** Takes the lines that were printed since the last call. */
export function takePrinted(): string[] {
  const lines = printed;
  printed = [];
  return lines;
}

Object.assign(globalThis, {
  require: createRequire(import.meta.url),
  __filename: import.meta.filename,
  __dirname: import.meta.dirname,
});
Object.assign(globalThis.console, { log: print, info: print, warn: print, error: print });
