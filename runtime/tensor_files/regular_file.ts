/**
 * Tells files from what only looks like one: reading a FIFO waits for a writer, reading a device may never end.
 *
 * @module
 */
import { statSync } from "node:fs";

/**
 * The size of the file at `path`, bytes.
 *
 * @throws {Error} saying what is there, if it is no regular file
 */
export function sizeOfRegularFile(path: string): number {
  const info = statSync(path);
  if (info.isFile()) return info.size;
  const kind = info.isDirectory()
    ? "a folder"
    : info.isFIFO()
    ? "a FIFO"
    : info.isSocket()
    ? "a socket"
    : "a device";
  throw new Error(`it is ${kind}, expected a file`);
}
