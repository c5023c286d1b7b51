/**
 * Fields that are known by name and not served: what they mean, and which values say that they are not used.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { isDeepStrictEqual } from "node:util";

/** Entries of a list of neutral values, at most: a batch has no more prompts. */
const maxEntries = 1024;

type JsonType = "string" | "number" | "integer" | "boolean" | "object" | "array";

/** A field of which only null and the values that mean "not used" pass. */
export type Unserved = z.ZodOptional<z.ZodUnknown>;

/**
 * A field that is not served: only null and `neutral` values pass.
 *
 * @param about what the field is for, as its API says
 * @param type of its values, as its API says
 */
export function unserved(
  about: string,
  type: JsonType | readonly JsonType[],
  ...neutral: readonly unknown[]
): Unserved {
  const values = [null, ...neutral];
  return refused((value) => isNeutral(value, values)).openapi({
    type: [...[type].flat(), "null"],
    enum: values,
    description: describe(about, values),
  });
}

/** Like {@linkcode unserved}, for fields of a batch: a list of neutral values passes too. */
export function unservedEach(
  about: string,
  type: JsonType | readonly JsonType[],
  ...neutral: readonly unknown[]
): Unserved {
  const values = [null, ...neutral];
  return refused((value) =>
    isNeutral(value, values) ||
    Array.isArray(value) && value.length <= maxEntries && value.every((entry) => isNeutral(entry, values))
  ).openapi({
    type: [...new Set([...[type].flat(), "array" as const]), "null"],
    description: `${describe(about, values)}, or a list of such values`,
  });
}

function refused(accepts: (value: unknown) => boolean): Unserved {
  return z.unknown().refine(accepts, "not supported yet").optional();
}

function isNeutral(value: unknown, neutral: readonly unknown[]): boolean {
  return value === undefined || neutral.some((one) => isDeepStrictEqual(one, value));
}

function describe(about: string, neutral: readonly unknown[]): string {
  const values = neutral.map((value) => JSON.stringify(value)).join(", ");
  return `${about}. Not supported yet; accepted values: ${values}`;
}
