/**
 * Turns whatever a damaged tokenizer makes a library throw into the one line that ends the start.
 *
 * @module
 */
import { AerieError, LoadError } from "../contracts/errors.ts";

/**
 * What `build` returns.
 *
 * @param path the file that a failure is blamed on
 * @throws {AerieError} as `build` threw it, otherwise a `LoadError` that names `path`
 */
export function orLoadError<Built>(path: string, build: () => Built): Built {
  try {
    return build();
  } catch (error) {
    if (error instanceof AerieError) throw error;
    throw new LoadError(`Cannot load ${path}: ${error instanceof Error ? error.message : error}`);
  }
}
