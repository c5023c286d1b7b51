/**
 * Objects that name a field they do not know, and the known one that is nearest to it.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { closestMatch } from "leven";

/** Characters of an unknown name that are compared: no known one is as long. */
const maxCompared = 64;

/** An object with the fields of `shape` and no others. */
export function strictFields<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => issue.code === "unrecognized_keys" ? unknownField(issue.keys[0], names) : undefined,
  });
}

function unknownField(name = "", known: readonly string[]): string {
  return `unknown field, did you mean ${closestMatch(name.slice(0, maxCompared), known)}?`;
}
