/**
 * Values of which nothing is certain yet.
 *
 * @module
 */

/** The fields of a value; none of one that is no object. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}
