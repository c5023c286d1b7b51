/**
 * Makes named pipes.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";

/** A FIFO in `folder` that nobody writes to; returns its path. */
export async function mkfifoIn(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert(success, `Cannot make FIFO ${path}`);
  return path;
}
