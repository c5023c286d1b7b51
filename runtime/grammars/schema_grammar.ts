/**
 * Branches as a grammar of the JSON texts that obey them: a rule for each schema that values are generated for.
 *
 * Texts are as Python's `json.dumps` writes them: one space behind commas and colons and no other white space, so that
 * most of what stands between values is forced.
 *
 * @module
 */
import { type Entry, entryList } from "./entry_list.ts";
import {
  choice,
  EMPTY,
  type Expression,
  isNothing,
  NOTHING,
  optional,
  repeat,
  sequence,
  text,
} from "./expression.ts";
import { INTEGER, NUMBER, numberOf } from "./json_numbers.ts";
import { quoted, stringExcept, written } from "./json_strings.ts";
import { anyObject, anyValue, COLON, COMMA, sharedRule, writeJson } from "./json_values.ts";
import type { Rules } from "./rules.ts";
import {
  ANYTHING,
  type ArrayBranch,
  type Branch,
  isUnbounded,
  itemSchema,
  type NumberBranch,
  type ObjectBranch,
  type StringBranch,
} from "./schema_branches.ts";
import { both, type Conjunction, keyOf, type SchemaDocument } from "./schema_document.ts";
import type { SchemaReader } from "./schema_reader.ts";
import { stringTexts } from "./schema_strings.ts";
import { obeysString, propertySchema } from "./schema_values.ts";
import { belongs, textsOf } from "./intersection.ts";

/** Longest list of items that is counted. */
const MAX_COUNTED_ITEMS = 2000;
/** Most values of which lists without duplicates are generated. */
const MAX_UNIQUE_VALUES = 32;

/** The grammar of a document, rule by rule. */
export class SchemaGrammar {
  readonly #document: SchemaDocument;
  readonly #reader: SchemaReader;
  readonly #rules: Rules;
  readonly #names = new Map<string, string>();
  readonly #queue: { readonly name: string; readonly schema: Conjunction }[] = [];

  /** Rules go to `rules`. */
  constructor(document: SchemaDocument, reader: SchemaReader, rules: Rules) {
    this.#document = document;
    this.#reader = reader;
    this.#rules = rules;
  }

  /** Adds the rules of a schema and of all that it refers to; the result refers to the schema's own. */
  add(schema: Conjunction): Expression {
    const root = this.#value(schema);
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const branches = this.#reader.branchesOf(next.schema);
      const value = branches === ANYTHING
        ? anyValue(this.#rules)
        : choice(...branches.map((branch) => this.#branch(branch)));
      this.#rules.set(next.name, value);
    }
    return root;
  }

  /** The rule of a schema's values. */
  #value(schema: Conjunction): Expression {
    if (schema === "never") return NOTHING;
    if (schema.length === 0) return anyValue(this.#rules);
    const key = keyOf(schema);
    let name = this.#names.get(key);
    if (name === undefined) {
      this.#names.set(key, name = `v${this.#names.size}`);
      this.#queue.push({ name, schema });
    }
    return { type: "rule", name };
  }

  #branch(branch: Branch): Expression {
    if (branch.type === "object" && isUnbounded(branch)) return anyObject(this.#rules);
    switch (branch.type) {
      case "const":
        return text(writeJson(branch.value));
      case "number":
        return this.#number(branch);
      case "string":
        return this.#string(branch);
      case "array":
        return this.#array(branch);
      case "object":
        return this.#object(branch);
    }
  }

  #number(branch: NumberBranch): Expression {
    const expression = numberOf(branch);
    if (!expression) {
      throw this.#refusal(branch, "multiples or bounds of these numbers cannot be told by their digits");
    }
    if (expression === INTEGER) return sharedRule(this.#rules, "integer", INTEGER);
    return expression === NUMBER ? sharedRule(this.#rules, "number", NUMBER) : expression;
  }

  #string(branch: StringBranch): Expression {
    const texts = stringTexts(branch, this.#rules);
    if (texts) return texts;
    const names = branch.lexicals.map(({ name }) => name).join(" and ");
    throw this.#document.unenforced(
      branch.lexicals.at(-1)!.pointer,
      `${names} with the length take too many states`,
    );
  }

  #array(branch: ArrayBranch): Expression {
    const { prefix, min, hasItems, unique } = branch;
    // What follows a prefix is generated only where it is asked for.
    const max = prefix.length > 0 && !hasItems
      ? Math.min(branch.max, Math.max(prefix.length, min))
      : branch.max;
    if (unique !== undefined && max > 1) return this.#uniqueArray(branch, unique);
    if (min > MAX_COUNTED_ITEMS || (max !== Infinity && max > MAX_COUNTED_ITEMS)) {
      throw this.#refusal(branch, `arrays of more than ${MAX_COUNTED_ITEMS} items cannot be counted`);
    }
    const item = this.#value(branch.items);
    const limit = max === Infinity ? undefined : max;
    const positions = Math.min(prefix.length, limit ?? Infinity);
    // From the last position of the prefix to the first: what may follow each item.
    let rest = this.#items(item, { before: positions, min, max: limit });
    for (let i = positions - 1; i >= 0; i--) {
      const one = sequence(i === 0 ? EMPTY : COMMA, this.#value(itemSchema(branch, i)), rest);
      rest = this.#rules.add(i >= min ? choice(one, EMPTY) : one);
    }
    return sequence(text("["), rest, text("]"));
  }

  /** Items behind `before` others. */
  #items(
    item: Expression,
    { before, min, max }: { readonly before: number; readonly min: number; readonly max: number | undefined },
  ): Expression {
    const fewest = Math.max(0, min - before), most = max === undefined ? undefined : max - before;
    const next = sequence(COMMA, item);
    if (before > 0 || most === 0) return repeat(next, fewest, most);
    const list = sequence(
      item,
      repeat(next, Math.max(0, fewest - 1), most === undefined ? undefined : most - 1),
    );
    return fewest === 0 ? optional(list) : list;
  }

  /** Of a few values, lists in the schema's order. */
  #uniqueArray({ prefix, items, min, max }: ArrayBranch, pointer: string): Expression {
    const branches = this.#reader.branchesOf(items);
    if (
      prefix.length > 0 || branches.length > MAX_UNIQUE_VALUES ||
      branches.some(({ type }) => type !== "const")
    ) {
      throw this.#document.unenforced(pointer, "only of enumerated values can items be kept unique");
    }
    const entries = branches.map((branch): Entry => ({
      expression: this.#branch(branch),
      isRequired: false,
    }));
    const list = entryList({ entries, separator: COMMA, min, max, rules: this.#rules });
    if (!list) throw this.#document.unenforced(pointer, "so many items cannot be counted");
    return sequence(text("["), list, text("]"));
  }

  #object(branch: ObjectBranch): Expression {
    const { required, min, max } = branch;
    const { branchesOf } = this.#reader;
    const names = new Set(branch.parts.flatMap(({ properties }) => [...properties.keys()]));
    for (const name of required) names.add(name);
    const extra = this.#extra(branch, names);
    const entries = [...names].map((name): Entry => ({
      expression: sequence(
        text(JSON.stringify(name)),
        COLON,
        this.#value(propertySchema(branch, name, branchesOf)),
      ),
      isRequired: required.has(name),
    }));
    const list = entryList({
      entries,
      separator: COMMA,
      min,
      max,
      rules: this.#rules,
      ...(extra && { extra, isExtraRepeated: true }),
    });
    if (!list) throw this.#refusal(branch, "so many properties cannot be counted");
    return sequence(text("{"), list, text("}"));
  }

  /** A member that is not named; names that `propertyNames` lists are added to `names`. */
  #extra(branch: ObjectBranch, names: Set<string>): Expression | undefined {
    const { parts, required } = branch;
    const patterns = parts.flatMap(({ patterns }) => patterns);
    const [pattern] = patterns;
    const isOpen = parts.some(({ additional }) => additional !== undefined && additional !== "never") ||
      (parts.length === 0 && required.size === 0);
    const keys = this.#keys(branch, names);
    if (pattern) {
      // Keys of one pattern, unless a named property might be meant.
      if (patterns.length > 1 || keys !== undefined) return undefined;
      if ([...names].some((name) => belongs(pattern.lexical.language, name))) return undefined;
      const key = textsOf(pattern.lexical.language, { rules: this.#rules, write: written });
      if (!key) return undefined;
      const schema = parts.reduce<Conjunction>(
        (all, part) =>
          part.patterns.length > 0 || part.additional === undefined ? all : both(all, part.additional),
        pattern.schema,
      );
      return sequence(quoted(key), COLON, this.#value(schema));
    }
    if (!isOpen || (keys !== undefined && isNothing(keys))) return undefined;
    const schema = parts.reduce<Conjunction>(
      (all, { additional }) => additional === undefined ? all : both(all, additional),
      [],
    );
    return sequence(keys ?? stringExcept([...names]), COLON, this.#value(schema));
  }

  /** Keys that `propertyNames` allows beside the named ones; undefined: any. */
  #keys({ names: schema }: ObjectBranch, names: Set<string>): Expression | undefined {
    if (schema !== "never" && schema.length === 0) return undefined;
    const branches = this.#reader.branchesOf(schema).filter(({ type }) =>
      type === "const" || type === "string"
    );
    const strings = branches.filter((branch): branch is StringBranch => branch.type === "string");
    for (const branch of branches) {
      if (branch.type === "const" && typeof branch.value === "string") names.add(branch.value);
    }
    if (strings.some((branch) => [...names].some((name) => obeysString(name, branch)))) return NOTHING;
    return choice(...strings.map((branch) => this.#string(branch)));
  }

  #refusal({ at = "#" }: { readonly at?: string }, reason: string): Error {
    return this.#document.unenforced(at, reason);
  }
}
