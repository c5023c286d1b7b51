/**
 * Values that several tests share and only some runs need.
 *
 * @module
 */

/** Makes a value at first use and keeps it. */
export function lazily<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
