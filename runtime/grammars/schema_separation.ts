/**
 * What one branch allows and another does not: by which `oneOf`, `not` and `if` are enforced, where they can be.
 *
 * @module
 */
import { choice, text } from "./expression.ts";
import { canonicalText } from "./json_bounds.ts";
import type { Condition } from "./intersection.ts";
import {
  ANY_NUMBER,
  ANY_STRING,
  type ArrayBranch,
  type Branch,
  intersect,
  isUnbounded,
  itemSchema,
  type NumberBranch,
  type ObjectBranch,
  type StringBranch,
} from "./schema_branches.ts";
import type { Conjunction } from "./schema_document.ts";
import { type BranchesOf, obeys, propertySchema } from "./schema_values.ts";

/** Levels of properties and items by which branches are told apart. */
const MAX_DEPTH = 4;

/** What separating branches asks of the document. */
export interface SeparationContext {
  readonly branchesOf: BranchesOf;
  /** The schema that allows what another does not. */
  readonly negationOf: (schema: Conjunction) => Conjunction;
  /** Where the other branch is excluded. */
  readonly pointer: string;
}

/**
 * Branches of what one branch allows and another does not; undefined where that cannot be told. Of objects that do not
 * name a property which the other requires, those without it.
 */
export function separate(
  branch: Branch,
  other: Branch,
  context: SeparationContext,
): readonly Branch[] | undefined {
  if (excludes(branch, other, context.branchesOf, 0)) return [branch];
  if (other.type === branch.type && isUnbounded(other)) return [];
  switch (branch.type) {
    case "const":
      return [];
    case "number":
      return withoutNumbers(branch, other);
    case "string":
      return withoutStrings(branch, other, context.pointer);
    case "array":
      return undefined;
    case "object":
      return other.type === "object" ? withoutObjects(branch, other, context) : undefined;
  }
}

/** The constants that only one of the alternatives has, if there is nothing but constants in them. */
export function constantsOfOne(alternatives: readonly (readonly Branch[])[]): readonly Branch[] | undefined {
  const counts = new Map<string, { readonly branch: Branch; count: number }>();
  for (const branch of alternatives.flat()) {
    if (branch.type !== "const") return undefined;
    const key = canonicalText(branch.value), known = counts.get(key);
    if (known) known.count++;
    else counts.set(key, { branch, count: 1 });
  }
  return [...counts.values()].filter(({ count }) => count === 1).map(({ branch }) => branch);
}

/** Branches with their constant strings as one branch, so that many are taken out at once. */
export function withJoinedTexts(branches: readonly Branch[], pointer: string): readonly Branch[] {
  const isText = (branch: Branch) => branch.type === "const" && typeof branch.value === "string";
  const texts = branches.flatMap((branch) =>
    branch.type === "const" && isText(branch) ? [String(branch.value)] : []
  );
  if (texts.length < 2) return branches;
  const language = [{ expression: choice(...texts.map(text)), isNegated: false }];
  const lexical = { language, name: `any of ${texts.length} texts`, pointer };
  return [...branches.filter((branch) => !isText(branch)), { ...ANY_STRING, lexicals: [lexical] }];
}

function withoutNumbers(branch: NumberBranch, other: Branch): readonly Branch[] | undefined {
  const { value } = other as { value?: unknown };
  const range = other.type === "number"
    ? other
    : { ...ANY_NUMBER, min: value as number, max: value as number };
  if (range.divisors.length > 0 || (range.isInteger && !branch.isInteger)) return undefined;
  return [
    intersect(branch, { ...ANY_NUMBER, max: range.min, isBelow: !range.isAbove }),
    intersect(branch, { ...ANY_NUMBER, min: range.max, isAbove: !range.isBelow }),
  ].filter((each) => each !== undefined);
}

function withoutStrings(branch: StringBranch, other: Branch, pointer: string): readonly Branch[] | undefined {
  if (other.type === "const") {
    const value = String(other.value);
    return [
      withLexical(branch, { expression: text(value), isNegated: true }, {
        name: JSON.stringify(value),
        pointer,
      }),
    ];
  }
  if (other.type !== "string") return undefined;
  const lengths = [
    intersect(branch, { ...ANY_STRING, max: other.min - 1 }),
    other.max === Infinity ? undefined : intersect(branch, { ...ANY_STRING, min: other.max + 1 }),
  ].filter((each) => each !== undefined);
  const texts = other.lexicals.flatMap(({ language, name }) =>
    language.map(({ expression, isNegated }, i) =>
      withLexical(branch, { expression, isNegated: !isNegated }, { name: `${i} of ${name}`, pointer })
    )
  );
  return [...lengths, ...texts];
}

function withLexical(
  branch: StringBranch,
  condition: Condition,
  { name, pointer }: { readonly name: string; readonly pointer: string },
): Branch {
  return {
    ...branch,
    lexicals: [...branch.lexicals, { language: [condition], name: `not ${name}`, pointer }],
  };
}

function withoutObjects(
  branch: ObjectBranch,
  other: ObjectBranch,
  { negationOf }: SeparationContext,
): readonly Branch[] | undefined {
  const isNamed = (name: string) =>
    branch.required.has(name) || branch.parts.some(({ properties }) => properties.has(name));
  const unnamed = [...other.required].find((name) => !isNamed(name));
  if (unnamed !== undefined) return [withoutProperty(branch, unnamed)];
  const isPlain = other.parts.every(({ patterns, additional }) =>
    patterns.length === 0 && (additional === undefined || additional.length === 0)
  );
  if (!isPlain || other.names.length > 0 || other.min > 0 || other.max < Infinity) return undefined;
  const missing = [...other.required].filter((name) => !branch.required.has(name)).map((name) =>
    withoutProperty(branch, name)
  );
  const broken = other.parts.flatMap(({ properties }) =>
    [...properties].map(([name, schema]): Branch => ({
      ...branch,
      parts: [...branch.parts, { properties: new Map([[name, negationOf(schema)]]), patterns: [] }],
      required: new Set([...branch.required, name]),
    }))
  );
  return [...missing, ...broken];
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
