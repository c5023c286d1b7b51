/**
 * Branches: what a schema allows, as alternatives of one JSON type each. Schemas that all must hold are intersected
 * branch by branch, alternatives are lists of branches.
 *
 * @module
 */
import type { Language } from "./intersection.ts";
import { canonicalText, type Json } from "./json_bounds.ts";
import { both, type Conjunction } from "./schema_document.ts";

/** One value. */
export interface ConstBranch {
  readonly type: "const";
  readonly value: Json;
}

/** A branch of values that keywords bound. */
interface Placed {
  /** Pointer of a schema that bounds them. */
  readonly at?: string;
}

/** Numbers within bounds. */
export interface NumberBranch extends Placed {
  readonly type: "number";
  readonly isInteger: boolean;
  readonly min: number;
  readonly max: number;
  /** Whether the bound itself is out. */
  readonly isAbove: boolean;
  readonly isBelow: boolean;
  /** The number is a multiple of each; all are integers. */
  readonly divisors: readonly number[];
}

/** Texts that a string belongs to. */
export interface Lexical {
  readonly language: Language;
  /** What asks for it: two of the same name are one. */
  readonly name: string;
  readonly pointer: string;
}

/** Strings by length in code points, patterns and formats. */
export interface StringBranch {
  readonly type: "string";
  readonly min: number;
  readonly max: number;
  readonly lexicals: readonly Lexical[];
}

/** Arrays by the schemas of their items. */
export interface ArrayBranch extends Placed {
  readonly type: "array";
  readonly prefix: readonly Conjunction[];
  readonly items: Conjunction;
  /** Whether a schema of items that follow the prefix was named; without one a prefix is all that is generated. */
  readonly hasItems: boolean;
  readonly min: number;
  readonly max: number;
  /** Pointer of the `uniqueItems` that asks for it. */
  readonly unique?: string;
}

/** What one schema says of an object's properties. */
export interface ObjectPart {
  readonly properties: ReadonlyMap<string, Conjunction>;
  readonly patterns: readonly { readonly lexical: Lexical; readonly schema: Conjunction }[];
  /** `additionalProperties`; undefined: unspecified. */
  readonly additional?: Conjunction;
}

/** Objects by the schemas of their properties. */
export interface ObjectBranch extends Placed {
  readonly type: "object";
  readonly parts: readonly ObjectPart[];
  readonly required: ReadonlySet<string>;
  readonly names: Conjunction;
  readonly min: number;
  readonly max: number;
}

/** Values of one type. */
export type Branch = ConstBranch | NumberBranch | StringBranch | ArrayBranch | ObjectBranch;

/** Any number. */
export const ANY_NUMBER: NumberBranch = {
  type: "number",
  isInteger: false,
  min: -Infinity,
  max: Infinity,
  isAbove: false,
  isBelow: false,
  divisors: [],
};

/** Any string. */
export const ANY_STRING: StringBranch = { type: "string", min: 0, max: Infinity, lexicals: [] };

/** Any array. */
export const ANY_ARRAY: ArrayBranch = {
  type: "array",
  prefix: [],
  items: [],
  hasItems: false,
  min: 0,
  max: Infinity,
};

/** Any object. */
export const ANY_OBJECT: ObjectBranch = {
  type: "object",
  parts: [],
  required: new Set(),
  names: [],
  min: 0,
  max: Infinity,
};

/** Branches of every value. */
export const ANYTHING: readonly Branch[] = [
  { type: "const", value: null },
  { type: "const", value: true },
  { type: "const", value: false },
  ANY_NUMBER,
  ANY_STRING,
  ANY_ARRAY,
  ANY_OBJECT,
];

/** Whether a branch allows every value of its type. */
export function isUnbounded(branch: Branch): boolean {
  switch (branch.type) {
    case "const":
      return false;
    case "number":
      return !branch.isInteger && branch.min === -Infinity && branch.max === Infinity &&
        branch.divisors.length === 0;
    case "string":
      return branch.min === 0 && branch.max === Infinity && branch.lexicals.length === 0;
    case "array":
      return branch.prefix.length === 0 && isAny(branch.items) && isSizeFree(branch) &&
        branch.unique === undefined;
    case "object":
      return branch.parts.length === 0 && branch.required.size === 0 && isAny(branch.names) &&
        isSizeFree(branch);
  }
}

function isAny(schema: Conjunction): boolean {
  return schema !== "never" && schema.length === 0;
}

function isSizeFree({ min, max }: ArrayBranch | ObjectBranch): boolean {
  return min === 0 && max === Infinity;
}

/** What both branches allow; undefined if that is nothing. Neither is a const. */
export function intersect(a: Branch, b: Branch): Branch | undefined {
  if (a.type === "number" && b.type === "number") return intersectNumbers(a, b);
  if (a.type === "string" && b.type === "string") {
    const names = new Set(a.lexicals.map(({ name }) => name));
    const lexicals = [...a.lexicals, ...b.lexicals.filter(({ name }) => !names.has(name))];
    return bounded({ ...a, min: Math.max(a.min, b.min), max: Math.min(a.max, b.max), lexicals });
  }
  if (a.type === "array" && b.type === "array") return intersectArrays(a, b);
  if (a.type === "object" && b.type === "object") {
    return bounded({
      ...a,
      ...b,
      parts: [...a.parts, ...b.parts],
      required: new Set([...a.required, ...b.required]),
      names: both(a.names, b.names),
      min: Math.max(a.min, b.min),
      max: Math.min(a.max, b.max),
    });
  }
  return undefined;
}

function bounded<B extends { readonly min: number; readonly max: number }>(branch: B): B | undefined {
  return branch.min > branch.max ? undefined : branch;
}

function intersectNumbers(a: NumberBranch, b: NumberBranch): NumberBranch | undefined {
  const min = Math.max(a.min, b.min), max = Math.min(a.max, b.max);
  const isAbove = (a.min === min && a.isAbove) || (b.min === min && b.isAbove);
  const isBelow = (a.max === max && a.isBelow) || (b.max === max && b.isBelow);
  if (min > max || (min === max && (isAbove || isBelow))) return undefined;
  const at = b.at ?? a.at;
  return {
    type: "number",
    ...(at !== undefined && { at }),
    isInteger: a.isInteger || b.isInteger,
    min,
    max,
    isAbove,
    isBelow,
    divisors: [...new Set([...a.divisors, ...b.divisors])],
  };
}

function intersectArrays(a: ArrayBranch, b: ArrayBranch): ArrayBranch | undefined {
  const length = Math.max(a.prefix.length, b.prefix.length);
  const unique = a.unique ?? b.unique, at = b.at ?? a.at;
  return bounded({
    type: "array",
    prefix: Array.from({ length }, (_, i) => both(itemSchema(a, i), itemSchema(b, i))),
    items: both(a.items, b.items),
    hasItems: a.hasItems || b.hasItems,
    min: Math.max(a.min, b.min),
    max: Math.min(a.max, b.max),
    ...(unique !== undefined && { unique }),
    ...(at !== undefined && { at }),
  });
}

/** The schema of an array's item. */
export function itemSchema(branch: ArrayBranch, index: number): Conjunction {
  return branch.prefix[index] ?? branch.items;
}

/** Branches without constants that stand in them twice. */
export function distinct(branches: readonly Branch[]): readonly Branch[] {
  const seen = new Set<string>();
  return branches.filter((branch) => {
    if (branch.type !== "const") return true;
    const key = canonicalText(branch.value);
    return !seen.has(key) && seen.add(key);
  });
}
