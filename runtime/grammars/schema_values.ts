/**
 * Whether a value obeys branches: what filters constants by the keywords beside them.
 *
 * @module
 */
import { belongs } from "./intersection.ts";
import { canonicalText, isObject, type Json, type JsonObject } from "./json_bounds.ts";
import {
  type ArrayBranch,
  type Branch,
  itemSchema,
  type NumberBranch,
  type ObjectBranch,
  type StringBranch,
} from "./schema_branches.ts";
import { both, type Conjunction } from "./schema_document.ts";

/** The branches of a schema. */
export type BranchesOf = (schema: Conjunction) => readonly Branch[];

/** Whether a value obeys any of the branches. */
export function isAllowed(value: Json, branches: readonly Branch[], branchesOf: BranchesOf): boolean {
  return branches.some((branch) => obeys(value, branch, branchesOf));
}

/** Whether a value obeys a branch. */
export function obeys(value: Json, branch: Branch, branchesOf: BranchesOf): boolean {
  switch (branch.type) {
    case "const":
      return canonicalText(value) === canonicalText(branch.value);
    case "number":
      return typeof value === "number" && obeysNumber(value, branch);
    case "string":
      return typeof value === "string" && obeysString(value, branch);
    case "array":
      return Array.isArray(value) && obeysArray(value, branch, branchesOf);
    case "object":
      return isObject(value) && obeysObject(value, branch, branchesOf);
  }
}

function obeysNumber(
  value: number,
  { isInteger, min, max, isAbove, isBelow, divisors }: NumberBranch,
): boolean {
  return (!isInteger || Number.isInteger(value)) &&
    (isAbove ? value > min : value >= min) &&
    (isBelow ? value < max : value <= max) &&
    divisors.every((divisor) => value % divisor === 0);
}

/** Whether a string obeys a branch of strings. */
export function obeysString(value: string, { min, max, lexicals }: StringBranch): boolean {
  const { length } = [...value];
  return length >= min && length <= max && lexicals.every(({ language }) => belongs(language, value));
}

function obeysArray(value: readonly Json[], branch: ArrayBranch, branchesOf: BranchesOf): boolean {
  if (value.length < branch.min || value.length > branch.max) return false;
  if (branch.unique !== undefined && new Set(value.map(canonicalText)).size < value.length) return false;
  return value.every((item, i) => isAllowed(item, branchesOf(itemSchema(branch, i)), branchesOf));
}

function obeysObject(value: JsonObject, branch: ObjectBranch, branchesOf: BranchesOf): boolean {
  const keys = Object.keys(value);
  return keys.length >= branch.min && keys.length <= branch.max &&
    [...branch.required].every((name) => Object.hasOwn(value, name)) &&
    keys.every((key) =>
      isAllowed(value[key]!, branchesOf(propertySchema(branch, key, branchesOf)), branchesOf)
    );
}

/** The schema of an object's property; "never" if it may not have that name. */
export function propertySchema(branch: ObjectBranch, name: string, branchesOf: BranchesOf): Conjunction {
  if (branch.names === "never" || !isAllowed(name, branchesOf(branch.names), branchesOf)) return "never";
  let schema: Conjunction = [];
  for (const { properties, patterns, additional } of branch.parts) {
    const own = properties.get(name);
    if (own !== undefined) schema = both(schema, own);
    const matching = patterns.filter(({ lexical }) => belongs(lexical.language, name));
    for (const pattern of matching) schema = both(schema, pattern.schema);
    if (own === undefined && matching.length === 0 && additional !== undefined) {
      schema = both(schema, additional);
    }
  }
  return schema;
}
