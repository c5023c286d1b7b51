/**
 * JavaScript's values as those of templates.
 *
 * @module
 */
import { makeDict } from "./compare.ts";
import { Dict, type Value } from "./values.ts";

/** What can be given to a template: what JSON can say, and dictionaries that are values already. */
export type JsValue =
  | null
  | boolean
  | number
  | string
  | Dict
  | readonly JsValue[]
  | { readonly [key: string]: JsValue };

/** The value as templates see it: whole numbers are int, objects are dict. */
export function toValue(given: JsValue): Value {
  if (typeof given === "number") return Number.isSafeInteger(given) ? BigInt(given) : given;
  if (typeof given !== "object" || given === null || given instanceof Dict) return given;
  if (isArray(given)) return given.map(toValue);
  return makeDict(Object.entries(given).map(([key, value]) => [key, toValue(value)]));
}

function isArray(value: object): value is readonly JsValue[] {
  return Array.isArray(value);
}
