/**
 * Reads schemas as branches: every keyword becomes what it allows, combinations are intersected.
 *
 * @module
 */
import { isObject, type Json } from "./json_bounds.ts";
import { ANYTHING, type Branch, distinct, intersect, type ObjectBranch } from "./schema_branches.ts";
import {
  type Conjunction,
  keyOf,
  pointerTo,
  type SchemaDocument,
  type SchemaNode,
} from "./schema_document.ts";
import { ANNOTATIONS, APPLICATORS, ASSERTIONS, LOCATIONS, REFUSED } from "./schema_keywords.ts";
import { constantsOfOne, separate, withJoinedTexts, withoutProperty } from "./schema_separation.ts";
import { obeys } from "./schema_values.ts";
import { readTypes } from "./schema_types.ts";

/** Most branches of a schema. */
const MAX_BRANCHES = 10_000;
/** Pairs that one more schema in a conjunction counts for. */
const PAIRS_PER_SCHEMA = 50;
/** Pairs that a comparison of two branches by all that is in them counts for. */
const PAIRS_PER_COMPARISON = 4;
/** Most pairs of branches that are compared for one request. */
const MAX_PAIRS = 100_000;

/** Branches of the schemas of a document, which are read when they are asked for. */
export class SchemaReader {
  readonly #document: SchemaDocument;
  readonly #branches = new Map<string, readonly Branch[]>();
  readonly #nodes = new Map<number, readonly Branch[]>();
  readonly #open = new Set<number>();
  #numPairs = 0;

  /** `document` is the schema that is read. */
  constructor(document: SchemaDocument) {
    this.#document = document;
  }

  /** What schemas allow together. Throws InvalidRequestError on what cannot be enforced. */
  readonly branchesOf = (schema: Conjunction): readonly Branch[] => {
    if (schema === "never") return [];
    const key = keyOf(schema);
    const known = this.#branches.get(key);
    if (known) return known;
    // Schemas that meet in many combinations are many schemas.
    this.#spend(PAIRS_PER_SCHEMA * (schema.length - 1), schema[0]?.pointer ?? "#");
    let branches = ANYTHING;
    for (const node of schema) branches = this.#and(branches, this.#node(node), node.pointer);
    this.#branches.set(key, branches);
    return branches;
  };

  #node(node: SchemaNode): readonly Branch[] {
    const known = this.#nodes.get(node.id);
    if (known) return known;
    if (this.#open.has(node.id)) {
      throw this.#document.refusal(node.pointer, "it refers to itself without a property or an item between");
    }
    this.#open.add(node.id);
    const branches = this.#read(node);
    this.#open.delete(node.id);
    this.#nodes.set(node.id, branches);
    return branches;
  }

  #read(node: SchemaNode): readonly Branch[] {
    const { keywords, pointer } = node;
    this.#checkKeywords(node);
    let branches = readTypes(node, this.#document);
    if (keywords["const"] !== undefined) branches = this.#constants([keywords["const"]], branches, pointer);
    if (keywords["enum"] !== undefined) {
      const values = keywords["enum"];
      if (!Array.isArray(values)) throw this.#document.refusal(`${pointer}/enum`, "it is not a list");
      branches = this.#constants(values, branches, `${pointer}/enum`);
    }
    if (keywords["$ref"] !== undefined) {
      const target = this.#document.resolve(keywords["$ref"], `${pointer}/$ref`);
      branches = this.#and(branches, this.branchesOf(target), `${pointer}/$ref`);
    }
    for (const schema of this.#list(node, "allOf")) {
      branches = this.#and(branches, this.branchesOf(schema), `${pointer}/allOf`);
    }
    if (keywords["anyOf"] !== undefined) {
      branches = this.#and(branches, this.#anyOf(node), `${pointer}/anyOf`);
    }
    if (keywords["oneOf"] !== undefined) branches = this.#oneOf(node, branches);
    if (keywords["not"] !== undefined) {
      const other = this.branchesOf(this.#document.read(keywords["not"], `${pointer}/not`));
      branches = this.#without(branches, other, `${pointer}/not`);
    }
    if (keywords["if"] !== undefined) branches = this.#conditional(node, branches);
    return this.#dependent(node, branches);
  }

  #checkKeywords({ keywords, pointer }: SchemaNode): void {
    for (const [keyword, value] of Object.entries(keywords)) {
      const at = pointerTo(pointer, keyword);
      if (ASSERTIONS.has(keyword) || APPLICATORS.has(keyword)) continue;
      if (ANNOTATIONS.has(keyword) || LOCATIONS.has(keyword) || keyword.startsWith("x-")) continue;
      const isEnforced = REFUSED.get(keyword);
      if (!isEnforced) throw this.#document.unenforced(at, "the keyword is not known");
      if (!isEnforced(value, keywords)) throw this.#document.unenforced(at, "the keyword cannot be enforced");
    }
  }

  #anyOf(node: SchemaNode): readonly Branch[] {
    const all: Branch[] = [];
    for (const schema of this.#list(node, "anyOf")) {
      const branches = this.branchesOf(schema);
      if (all.length + branches.length > MAX_BRANCHES) throw this.#tooMany(pointerTo(node.pointer, "anyOf"));
      this.#spend(branches.length, node.pointer);
      all.push(...branches);
    }
    return distinct(all);
  }

  #list({ keywords, pointer }: SchemaNode, keyword: string): Conjunction[] {
    const schemas = keywords[keyword];
    if (schemas === undefined) return [];
    const at = pointerTo(pointer, keyword);
    if (!Array.isArray(schemas) || schemas.length === 0) {
      throw this.#document.refusal(at, "it is not a list of schemas");
    }
    return schemas.map((schema, i) => this.#document.read(schema, pointerTo(at, i)));
  }

  #constants(values: readonly Json[], branches: readonly Branch[], pointer: string): readonly Branch[] {
    this.#spend(values.length * Math.min(branches.length, 8), pointer);
    if (branches.some((branch) => branch.type === "string" && branch.lexicals.length > 0)) {
      // Patterns are followed through every character.
      this.#spend(
        values.reduce<number>((sum, value) => sum + (typeof value === "string" ? value.length : 0), 0),
        pointer,
      );
    }
    return distinct(values.map((value): Branch => ({ type: "const", value }))).filter((branch) =>
      branch.type === "const" && branches.some((other) => obeys(branch.value, other, this.branchesOf))
    );
  }

  #and(a: readonly Branch[], b: readonly Branch[], pointer: string): readonly Branch[] {
    if (a === ANYTHING) return b;
    if (b === ANYTHING) return a;
    this.#spend(a.length * b.length, pointer);
    const all: Branch[] = [];
    for (const one of [...a, ...b]) {
      if (one.type === "const" && typeof one.value === "string") this.#spend(one.value.length >> 4, pointer);
    }
    for (const one of a) {
      for (const two of b) {
        const met = this.#meet(one, two);
        if (met) all.push(met);
      }
    }
    const branches = distinct(all);
    if (branches.length > MAX_BRANCHES) throw this.#tooMany(pointer);
    return branches;
  }

  #meet(one: Branch, two: Branch): Branch | undefined {
    if (one.type === "const") return obeys(one.value, two, this.branchesOf) ? one : undefined;
    if (two.type === "const") return obeys(two.value, one, this.branchesOf) ? two : undefined;
    return intersect(one, two);
  }

  /** Branches that never obey any of `others`. Throws InvalidRequestError where that is not seen. */
  #without(branches: readonly Branch[], others: readonly Branch[], pointer: string): readonly Branch[] {
    this.#spend(PAIRS_PER_COMPARISON * branches.length * others.length, pointer);
    const context = { branchesOf: this.branchesOf, negationOf: this.#document.negationOf, pointer };
    let kept = branches;
    for (const other of withJoinedTexts(others, pointer)) {
      kept = kept.flatMap((branch) => {
        const separated = separate(branch, other, context);
        if (!separated) {
          throw this.#document.unenforced(
            pointer,
            `it cannot be told apart from what the ${branch.type} may be`,
          );
        }
        if (separated.length > 1) this.#spend(PAIRS_PER_SCHEMA * separated.length, pointer);
        return separated;
      });
    }
    return kept;
  }

  #oneOf(node: SchemaNode, branches: readonly Branch[]): readonly Branch[] {
    const at = pointerTo(node.pointer, "oneOf");
    const alternatives = this.#list(node, "oneOf").map((schema) => this.branchesOf(schema));
    const onlyOnce = constantsOfOne(alternatives);
    if (onlyOnce) return this.#and(branches, onlyOnce, at);
    return distinct(alternatives.flatMap((alternative, i) => {
      const others = alternatives.flatMap((other, j) => j === i ? [] : other);
      return this.#without(this.#and(branches, alternative, at), others, pointerTo(at, i));
    }));
  }

  #conditional({ keywords, pointer }: SchemaNode, branches: readonly Branch[]): readonly Branch[] {
    const read = (keyword: string) => {
      const { [keyword]: value = true } = keywords;
      return this.branchesOf(this.#document.read(value, pointerTo(pointer, keyword)));
    };
    if (keywords["then"] === undefined && keywords["else"] === undefined) return branches;
    const condition = read("if"), at = pointerTo(pointer, "if");
    const met = this.#and(this.#and(branches, condition, at), read("then"), at);
    return distinct([...met, ...this.#and(this.#without(branches, condition, at), read("else"), at)]);
  }

  /** `dependentRequired`, `dependentSchemas` and `dependencies`: without the property, or with what depends on it. */
  #dependent({ keywords, pointer }: SchemaNode, branches: readonly Branch[]): readonly Branch[] {
    let result = branches;
    for (const keyword of ["dependentRequired", "dependentSchemas", "dependencies"]) {
      const dependencies = keywords[keyword];
      if (dependencies === undefined) continue;
      const at = pointerTo(pointer, keyword);
      if (!isObject(dependencies)) throw this.#document.refusal(at, "it is not an object");
      for (const [name, dependency] of Object.entries(dependencies)) {
        const where = pointerTo(at, name);
        const names = Array.isArray(dependency) ? this.#required([name, ...dependency], where) : this.#and(
          this.#required([name], where),
          this.branchesOf(this.#document.read(dependency, where)),
          where,
        );
        const without = ANYTHING.map((branch) =>
          branch.type === "object" ? withoutProperty(branch, name) : branch
        );
        result = this.#and(result, [...without, ...names], where);
      }
    }
    return result;
  }

  #required(names: readonly Json[], pointer: string): readonly Branch[] {
    const required = new Set<string>();
    for (const name of names) {
      if (typeof name !== "string") throw this.#document.refusal(pointer, "a name of a property is a string");
      required.add(name);
    }
    return ANYTHING.filter((branch): branch is ObjectBranch => branch.type === "object").map((branch) => ({
      ...branch,
      required,
    }));
  }

  #spend(pairs: number, pointer: string): void {
    this.#numPairs += pairs;
    if (this.#numPairs > MAX_PAIRS) throw this.#tooMany(pointer);
  }

  #tooMany(pointer: string): Error {
    return this.#document.unenforced(pointer, "it combines too many alternatives");
  }
}
