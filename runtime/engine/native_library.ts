/**
 * The native library as start-up needs it: a path, or an error like that of any other part that cannot be loaded.
 *
 * @module
 */
import { type BuildOptions, ensureLibrary as buildLibrary } from "../../ffi/build.ts";
import { NativeError } from "../../ffi/error.ts";
import { LoadError } from "../contracts/errors.ts";

/**
 * Path of the library, built first if there is none of these sources.
 *
 * @throws {LoadError} if a tool is missing or the build fails
 */
export async function ensureLibrary(options: BuildOptions = {}): Promise<string> {
  try {
    return await buildLibrary(options);
  } catch (error) {
    throw error instanceof NativeError ? new LoadError(error.message) : error;
  }
}
