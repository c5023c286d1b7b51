/**
 * Names between code, which writes them in camel case, and flags, logs and JSON, which have snake case.
 *
 * @module
 */

/** `max_total_tokens` for `maxTotalTokens`. */
export function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `maxTotalTokens` for `max_total_tokens`. */
export function toCamelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** A record with its names in snake case. */
export function inSnakeCase(record: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [toSnakeCase(name), value]));
}
