/**
 * The keywords of one JSON type each: types, bounds, patterns, items and properties.
 *
 * @module
 */
import { isObject, type Json, type JsonObject } from "./json_bounds.ts";
import { searchOf } from "./regex_parser.ts";
import { PatternError } from "./regex_syntax.ts";
import {
  ANY_ARRAY,
  ANY_NUMBER,
  ANY_OBJECT,
  ANY_STRING,
  ANYTHING,
  type Branch,
  intersect,
  isUnbounded,
  type Lexical,
  type NumberBranch,
  type ObjectPart,
} from "./schema_branches.ts";
import { type Conjunction, pointerTo, type SchemaDocument, type SchemaNode } from "./schema_document.ts";
import { isPlainFormat, numberFormat, stringFormat } from "./schema_formats.ts";

/** What the keywords of types allow, one by one; ANYTHING itself, if they allow every value. */
export function readTypes(node: SchemaNode, document: SchemaDocument): readonly Branch[] {
  const reader = new TypeReader(node, document);
  const types = reader.types();
  const branches = types.flatMap((branch): readonly Branch[] => {
    if (branch.type === "const") return [branch];
    const bounds = reader.bounds(branch);
    const met = bounds === undefined || isUnbounded(bounds)
      ? bounds && branch
      : intersect(branch, { ...bounds, at: node.pointer } as Branch);
    return met ? [met] : [];
  });
  const isAnything = types === ANYTHING && ANYTHING.every((branch, i) => branch === branches[i]);
  return isAnything ? ANYTHING : branches;
}

class TypeReader {
  readonly #keywords: JsonObject;
  readonly #pointer: string;
  readonly #document: SchemaDocument;

  constructor({ keywords, pointer }: SchemaNode, document: SchemaDocument) {
    this.#keywords = keywords;
    this.#pointer = pointer;
    this.#document = document;
  }

  types(): readonly Branch[] {
    const { type, nullable } = this.#keywords;
    if (nullable !== undefined && typeof nullable !== "boolean") {
      throw this.#broken("nullable", "is not a boolean");
    }
    if (type === undefined) return ANYTHING;
    const names = new Set(Array.isArray(type) ? type : [type]);
    if (nullable === true) names.add("null");
    const branches: Branch[] = [];
    for (const name of names) {
      switch (name) {
        case "null":
          branches.push({ type: "const", value: null });
          break;
        case "boolean":
          branches.push({ type: "const", value: true }, { type: "const", value: false });
          break;
        case "number":
          branches.push(ANY_NUMBER);
          break;
        case "integer":
          if (!names.has("number")) branches.push({ ...ANY_NUMBER, isInteger: true });
          break;
        case "string":
          branches.push(ANY_STRING);
          break;
        case "array":
          branches.push(ANY_ARRAY);
          break;
        case "object":
          branches.push(ANY_OBJECT);
          break;
        default:
          throw this.#broken("type", `${JSON.stringify(name)} is not a type`);
      }
    }
    return branches;
  }

  /** What the keywords of the branch's type allow; undefined: nothing. */
  bounds(branch: Branch): Branch | undefined {
    switch (branch.type) {
      case "number":
        return this.#number();
      case "string":
        return this.#string();
      case "array":
        return this.#array();
      case "object":
        return this.#object();
      case "const":
        return branch;
    }
  }

  #number(): Branch | undefined {
    const exclusiveMin = this.#finite("exclusiveMinimum"), exclusiveMax = this.#finite("exclusiveMaximum");
    const divisor = this.#finite("multipleOf");
    if (divisor !== undefined && !(divisor > 0)) throw this.#broken("multipleOf", "is not above 0");
    if (divisor !== undefined && !Number.isInteger(divisor)) {
      throw this.#broken("multipleOf", "only multiples of integers can be enforced");
    }
    const bounds: (Partial<NumberBranch>)[] = [
      { min: this.#finite("minimum") ?? -Infinity, max: this.#finite("maximum") ?? Infinity },
      { min: exclusiveMin ?? -Infinity, isAbove: exclusiveMin !== undefined },
      { max: exclusiveMax ?? Infinity, isBelow: exclusiveMax !== undefined },
      divisor === undefined ? {} : { isInteger: true, divisors: divisor === 1 ? [] : [divisor] },
    ];
    const format = this.#format();
    if (format !== undefined) bounds.push(numberFormat(format) ?? {});
    return bounds.reduce<Branch | undefined>(
      (met, bound) => met && intersect(met, { ...ANY_NUMBER, ...bound }),
      ANY_NUMBER,
    );
  }

  #string(): Branch | undefined {
    const lexicals: Lexical[] = [];
    const { pattern } = this.#keywords;
    if (pattern !== undefined) lexicals.push(this.#pattern(pattern, pointerTo(this.#pointer, "pattern")));
    const format = this.#format(), language = format === undefined ? undefined : stringFormat(format);
    if (language) {
      lexicals.push({ language, name: `format ${format}`, pointer: pointerTo(this.#pointer, "format") });
    }
    const min = this.#count("minLength") ?? 0, max = this.#count("maxLength") ?? Infinity;
    return min > max ? undefined : { type: "string", min, max, lexicals };
  }

  #format(): string | undefined {
    const { format, pattern } = this.#keywords;
    if (format === undefined) return undefined;
    if (typeof format !== "string") throw this.#broken("format", "is not a string");
    if (stringFormat(format) || numberFormat(format) || isPlainFormat(format, pattern !== undefined)) {
      return format;
    }
    throw this.#broken("format", `${JSON.stringify(format)} cannot be enforced`);
  }

  #pattern(pattern: Json, pointer: string): Lexical {
    if (typeof pattern !== "string") throw this.#document.refusal(pointer, "a pattern is a string");
    this.#document.countPattern(pattern, pointer);
    try {
      return { language: searchOf(pattern), name: `pattern ${pattern}`, pointer };
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw this.#document.unenforced(pointer, `${error.message} at offset ${error.offset}`);
    }
  }

  #array(): Branch | undefined {
    const { items, prefixItems, additionalItems, unevaluatedItems, uniqueItems } = this.#keywords;
    const list = prefixItems ?? (Array.isArray(items) ? items : undefined);
    if (list !== undefined && !Array.isArray(list)) throw this.#broken("prefixItems", "is not a list");
    const listName = prefixItems === undefined ? "items" : "prefixItems";
    // Before draft 2020-12 `items` was the list, and `additionalItems` what follows it.
    const [restName, rest] = Array.isArray(items)
      ? ["additionalItems", additionalItems] as const
      : ["items", items] as const;
    const [name, schema] = rest === undefined
      ? ["unevaluatedItems", unevaluatedItems] as const
      : [restName, rest];
    const min = this.#count("minItems") ?? 0, max = this.#count("maxItems") ?? Infinity;
    if (min > max) return undefined;
    if (uniqueItems !== undefined && typeof uniqueItems !== "boolean") {
      throw this.#broken("uniqueItems", "is not a boolean");
    }
    return {
      type: "array",
      prefix: (list ?? []).map((item: Json, i: number) =>
        this.#document.read(item, pointerTo(pointerTo(this.#pointer, listName), i))
      ),
      items: schema === undefined ? [] : this.#schema(name, schema),
      hasItems: schema !== undefined,
      min,
      max,
      ...(uniqueItems === true && { unique: pointerTo(this.#pointer, "uniqueItems") }),
    };
  }

  #object(): Branch | undefined {
    const { additionalProperties, unevaluatedProperties, propertyNames, required } = this.#keywords;
    const properties = this.#record("properties");
    const patterns = this.#record("patternProperties").map(([pattern, schema, pointer]) => ({
      lexical: this.#pattern(pattern, pointer),
      schema,
    }));
    const [name, rest] = additionalProperties === undefined
      ? ["unevaluatedProperties", unevaluatedProperties] as const
      : ["additionalProperties", additionalProperties] as const;
    const additional = rest === undefined ? undefined : this.#schema(name, rest);
    if (
      required !== undefined &&
      !(Array.isArray(required) && required.every((name) => typeof name === "string"))
    ) {
      throw this.#broken("required", "is not a list of names");
    }
    const min = this.#count("minProperties") ?? 0, max = this.#count("maxProperties") ?? Infinity;
    if (min > max) return undefined;
    const part: ObjectPart = {
      properties: new Map(properties.map(([name, schema]) => [name, schema])),
      patterns,
      ...(additional !== undefined && { additional }),
    };
    const isBare = this.#keywords["properties"] === undefined && patterns.length === 0 &&
      additional === undefined;
    return {
      type: "object",
      parts: isBare ? [] : [part],
      required: new Set(required as readonly string[] | undefined),
      names: propertyNames === undefined ? [] : this.#schema("propertyNames", propertyNames),
      min,
      max,
    };
  }

  #record(keyword: string): [string, Conjunction, string][] {
    const record = this.#keywords[keyword];
    if (record === undefined) return [];
    if (!isObject(record)) throw this.#broken(keyword, "is not an object");
    const at = pointerTo(this.#pointer, keyword);
    return Object.entries(record).map(([name, schema]) => {
      const pointer = pointerTo(at, name);
      return [name, this.#document.read(schema, pointer), pointer];
    });
  }

  #schema(keyword: string, value: Json): Conjunction {
    return this.#document.read(value, pointerTo(this.#pointer, keyword));
  }

  #finite(keyword: string): number | undefined {
    const value = this.#keywords[keyword];
    if (value === undefined || Number.isFinite(value)) return value as number | undefined;
    throw this.#broken(keyword, "is not a number");
  }

  #count(keyword: string): number | undefined {
    const value = this.#finite(keyword);
    if (value !== undefined && !(Number.isInteger(value) && value >= 0)) {
      throw this.#broken(keyword, "is not a natural number");
    }
    return value;
  }

  #broken(keyword: string, reason: string): Error {
    return this.#document.refusal(pointerTo(this.#pointer, keyword), reason);
  }
}
