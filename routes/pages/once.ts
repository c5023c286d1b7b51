/**
 * Work that is done once, when it is first asked for.
 *
 * @module
 */

/** Returns what `make` resolves with, made once for all who ask; after a failure it is made anew. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () =>
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
}
