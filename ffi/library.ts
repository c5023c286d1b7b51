/**
 * Opens the native library, once per isolate, and turns statuses into errors.
 *
 * @module
 */
import { codeOfStatus, NativeError } from "./error.ts";
import { symbols } from "./symbols.ts";

/** The functions of the native library. */
export type Native = Deno.DynamicLibrary<typeof symbols>["symbols"];

const ABI_VERSION = 5;
const opened = new Map<string, Native>();

/**
 * The functions of the library at `path`. It is never closed: its threads may outlive a Worker.
 *
 * @throws {NativeError} if the file cannot be loaded or has another version of the interface
 */
export function openLibrary(path: string): Native {
  const known = opened.get(path);
  if (known) return known;
  let native: Native;
  try {
    native = Deno.dlopen(path, symbols).symbols;
  } catch (error) {
    throw new NativeError(`Cannot open native library: ${path}: ${(error as Error).message}`, "cannot_open");
  }
  const version = native.aerie_abi_version();
  if (version !== ABI_VERSION) {
    throw new NativeError(
      `Cannot use native library: interface version ${version}, expected ${ABI_VERSION}`,
      "cannot_open",
    );
  }
  opened.set(path, native);
  return native;
}

const decoder = new TextDecoder();

/** Text that a native function writes into a buffer, zero-terminated. */
export function readText(write: (text: Uint8Array<ArrayBuffer>, capacity: number) => void): string {
  const text = new Uint8Array(1024);
  write(text, text.length);
  return decoder.decode(text.subarray(0, text.indexOf(0)));
}

/** Throws the context's error text unless `status` is 0. `context` 0 stands for a failed creation. */
export function check(native: Native, context: number, status: number): void {
  if (status === 0) return;
  const text = readText((buffer, capacity) => native.aerie_context_error(context, buffer, capacity));
  throw new NativeError(text || `Cannot use native context: ${context} is not live`, codeOfStatus(status));
}
