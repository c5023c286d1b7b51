/**
 * The API key on its way to the server.
 *
 * @module
 */
import type { ApiFailure } from "./answer.ts";

/** The header that carries a key; none for an empty one. */
export function authorizationOf(apiKey: string): Readonly<Record<string, string>> {
  return apiKey === "" ? {} : { Authorization: `Bearer ${apiKey}` };
}

/** The failure that a key is which no header can carry; undefined for one that can be tried. */
export function failureOfKey(apiKey: string): ApiFailure | undefined {
  const isUnusable = [...apiKey].some((character) => character < " " || character > "\xff");
  return isUnusable
    ? { kind: "unauthorized", message: "The key has a character that no key can have" }
    : undefined;
}
