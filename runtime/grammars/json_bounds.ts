/**
 * JSON that clients send as text or as a part of their body, within bounds that keep what reads it short.
 *
 * @module
 */
import { InvalidRequestError } from "../contracts/errors.ts";

/** A value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** An object of JSON. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Deepest nesting of a schema or a structural tag. */
export const MAX_JSON_DEPTH = 128;
/** Most values in a schema or a structural tag, keys not counted. */
export const MAX_JSON_VALUES = 8_000;
/** Most characters in all strings of a schema or a structural tag. */
export const MAX_JSON_CHARACTERS = 1_000_000;

/** Whether a value is an object of JSON. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value, or what its text says. Throws InvalidRequestError on what is no JSON, too deep or too large. */
export function readJson(value: unknown, param: string): Json {
  let json = value;
  if (typeof value === "string") {
    if (value.length > MAX_JSON_CHARACTERS) throw tooLarge(param);
    try {
      json = JSON.parse(value);
    } catch (error) {
      throw new InvalidRequestError(`${param} is not JSON: ${(error as Error).message}`, param);
    }
  }
  checkBounds(json, param);
  return json as Json;
}

/** Goes level by level, since what is too deep to be read is too deep to be measured by calls. */
function checkBounds(json: unknown, param: string): void {
  let level: unknown[] = [json], numValues = 1, numCharacters = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_JSON_DEPTH) {
      throw new InvalidRequestError(`${param} is nested more than ${MAX_JSON_DEPTH} deep`, param);
    }
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value === "string") numCharacters += value.length;
      if (typeof value !== "object" || value === null) continue;
      if (!Array.isArray(value)) { for (const key of Object.keys(value)) numCharacters += key.length; }
      for (const inner of Object.values(value)) next.push(inner);
      if (numCharacters > MAX_JSON_CHARACTERS || numValues + next.length > MAX_JSON_VALUES) {
        throw tooLarge(param);
      }
    }
    numValues += next.length;
    level = next;
  }
  if (numCharacters > MAX_JSON_CHARACTERS) throw tooLarge(param);
}

function tooLarge(param: string): InvalidRequestError {
  return new InvalidRequestError(
    `${param} is too large: it may have ${MAX_JSON_VALUES} values and ${MAX_JSON_CHARACTERS} characters`,
    param,
  );
}

/** A text that is the same for equal values: keys are sorted, `1.0` is `1`. */
export function canonicalText(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (!isObject(value)) return value === 0 ? "0" : JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalText(value[key]!)}`).join(",")}}`;
}
