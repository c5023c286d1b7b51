/**
 * Whether what is generated for one branch never obeys another: by which `oneOf`, `not` and `if` are enforced, where
 * they can be.
 *
 * @module
 */
import {
  type ArrayBranch,
  type Branch,
  itemSchema,
  type NumberBranch,
  type ObjectBranch,
} from "./schema_branches.ts";
import { type BranchesOf, obeys, propertySchema } from "./schema_values.ts";

/** Levels of properties and items by which branches are told apart. */
const MAX_DEPTH = 4;

/**
 * The part of a branch that is generated without ever obeying another branch: the branch itself if they exclude each
 * other, or the branch without properties that it does not name and the other requires. Undefined if neither is seen.
 */
export function separate(
  branch: Branch,
  other: Branch,
  branchesOf: BranchesOf,
  depth: number = 0,
): Branch | undefined {
  if (excludes(branch, other, branchesOf, depth)) return branch;
  if (branch.type !== "object" || other.type !== "object") return undefined;
  const name = [...other.required].find((name) =>
    !branch.required.has(name) && !branch.parts.some(({ properties }) => properties.has(name))
  );
  return name === undefined ? undefined : withoutProperty(branch, name);
}

/** The branch of objects that do not have a property. */
export function withoutProperty(branch: ObjectBranch, name: string): ObjectBranch {
  const forbidden = { properties: new Map([[name, "never" as const]]), patterns: [] };
  return { ...branch, parts: [...branch.parts, forbidden] };
}

/** Whether no value is seen to obey both. */
function excludes(a: Branch, b: Branch, branchesOf: BranchesOf, depth: number): boolean {
  if (a.type === "const") return !obeys(a.value, b, branchesOf);
  if (b.type === "const") return !obeys(b.value, a, branchesOf);
  if (a.type !== b.type) return true;
  switch (a.type) {
    case "number":
      return numbersExclude(a, b as NumberBranch);
    case "string": {
      const other = b as typeof a;
      return a.min > other.max || a.max < other.min;
    }
    case "array":
      return arraysExclude(a, b as ArrayBranch, branchesOf, depth);
    case "object":
      return objectsExclude(a, b as ObjectBranch, branchesOf, depth);
  }
}

function numbersExclude(a: NumberBranch, b: NumberBranch): boolean {
  const isBelow = (x: NumberBranch, y: NumberBranch) =>
    x.max < y.min || (x.max === y.min && (x.isBelow || y.isAbove));
  return isBelow(a, b) || isBelow(b, a);
}

function arraysExclude(a: ArrayBranch, b: ArrayBranch, branchesOf: BranchesOf, depth: number): boolean {
  if (a.max < b.min || b.max < a.min) return true;
  const length = Math.min(Math.max(a.min, b.min), Math.max(a.prefix.length, b.prefix.length) + 1);
  return Array.from({ length }, (_, i) => i).some((i) =>
    schemasExclude(branchesOf(itemSchema(a, i)), branchesOf(itemSchema(b, i)), branchesOf, depth)
  );
}

function objectsExclude(a: ObjectBranch, b: ObjectBranch, branchesOf: BranchesOf, depth: number): boolean {
  if (a.max < b.min || b.max < a.min) return true;
  return [...new Set([...a.required, ...b.required])].some((name) =>
    schemasExclude(
      branchesOf(propertySchema(a, name, branchesOf)),
      branchesOf(propertySchema(b, name, branchesOf)),
      branchesOf,
      depth,
    )
  );
}

function schemasExclude(
  a: readonly Branch[],
  b: readonly Branch[],
  branchesOf: BranchesOf,
  depth: number,
): boolean {
  if (a.length === 0 || b.length === 0) return true;
  if (depth >= MAX_DEPTH || a.length * b.length > 4096) return false;
  return a.every((one) => b.every((two) => excludes(one, two, branchesOf, depth + 1)));
}
