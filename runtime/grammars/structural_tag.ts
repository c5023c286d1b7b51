/**
 * Structural tags: free text in which tags hold constrained content. Both spellings are taken, xgrammar's formats and
 * the older list of structures, and become formats whose schemas, expressions and grammars are EBNF.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import type { GrammarSource } from "../contracts/constraint.ts";
import { InvalidRequestError } from "../contracts/errors.ts";
import { ebnfGrammar } from "./ebnf.ts";
import { MAX_GRAMMAR_LENGTH } from "./ebnf_writer.ts";
import { isObject, type Json, type JsonObject, readJson } from "./json_bounds.ts";
import { jsonSchemaGrammar } from "./json_schema.ts";
import { regexGrammar } from "./regex.ts";
import { pointerTo } from "./schema_document.ts";

/**
 * The grammar of a structural tag, or of its text: `{type: "structural_tag", format}` or
 * `{type: "structural_tag", structures, triggers}`.
 *
 * Throws InvalidRequestError that names what is wrong with its JSON pointer.
 */
export function structuralTagSource(value: unknown, param: string): GrammarSource {
  const translator = new Translator(param);
  const format = translator.tag(readJson(value, param));
  return { type: "structural_tag", tag: JSON.stringify({ type: "structural_tag", format }) };
}

/** A format and whether its text has no end of its own, so that what follows must end it. */
interface Translated {
  readonly format: JsonObject;
  readonly isUnlimited: boolean;
}

/** Fields of each format beside its type. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  const_string: ["value"],
  json_schema: ["json_schema"],
  regex: ["pattern"],
  grammar: ["grammar"],
  any_text: [],
  sequence: ["elements"],
  or: ["elements"],
  tag: ["begin", "content", "end"],
  triggered_tags: ["triggers", "tags", "at_least_one", "stop_after_first"],
  tags_with_separator: ["tags", "separator", "at_least_one", "stop_after_first"],
};

class Translator {
  readonly #param: string;
  #length = 0;

  constructor(param: string) {
    this.#param = param;
  }

  tag(value: Json): JsonObject {
    if (!isObject(value)) throw this.#error("#", "a structural tag is an object");
    if (value["type"] !== undefined && value["type"] !== "structural_tag") {
      throw this.#error("#/type", "the type is not structural_tag");
    }
    if (value["format"] !== undefined) {
      this.#checkFields(value, ["format"], "#");
      return this.#format(value["format"], "#/format").format;
    }
    this.#checkFields(value, ["structures", "triggers"], "#");
    const tags = this.#list(value, "structures", "#").map((structure, i) => {
      const pointer = pointerTo("#/structures", i);
      if (!isObject(structure)) throw this.#error(pointer, "a structure is an object");
      this.#checkFields(structure, ["begin", "schema", "end"], pointer);
      const content = { type: "json_schema", json_schema: structure["schema"] ?? null };
      return { type: "tag", begin: structure["begin"] ?? null, content, end: structure["end"] ?? null };
    });
    return this.#triggered({ tags, triggers: value["triggers"] ?? null }, "#").format;
  }

  #format(value: Json | undefined, pointer: string): Translated {
    if (!isObject(value)) throw this.#error(pointer, "a format is an object");
    const type = value["type"];
    const fields = typeof type === "string" && Object.hasOwn(FIELDS, type) ? FIELDS[type] : undefined;
    if (!fields) {
      throw this.#error(pointerTo(pointer, "type"), `${JSON.stringify(type ?? null)} is not known`);
    }
    this.#checkFields(value, fields, pointer);
    switch (type) {
      case "const_string":
        return limited({ type, value: this.#string(value, "value", pointer) });
      case "json_schema": {
        const schema = value["json_schema"];
        return this.#grammar(pointerTo(pointer, "json_schema"), (param) => jsonSchemaGrammar(schema, param));
      }
      case "regex": {
        const pattern = this.#string(value, "pattern", pointer);
        return this.#grammar(pointerTo(pointer, "pattern"), (param) => regexGrammar(pattern, param));
      }
      case "grammar": {
        const grammar = this.#string(value, "grammar", pointer);
        return this.#grammar(pointerTo(pointer, "grammar"), (param) => ebnfGrammar(grammar, param));
      }
      case "sequence":
        return this.#sequence(value, pointer);
      case "or":
        return this.#or(value, pointer);
      case "tag":
        return limited(this.#oneTag(value, pointer));
      case "triggered_tags":
        return this.#triggered(value, pointer);
      case "tags_with_separator":
        return this.#separated(value, pointer);
      default:
        return { format: { type: "any_text" }, isUnlimited: true };
    }
  }

  #grammar(pointer: string, translate: (param: string) => string): Translated {
    let grammar: string;
    try {
      grammar = translate(this.#param);
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error;
      throw this.#error(pointer, error.message);
    }
    this.#length += grammar.length;
    if (this.#length > MAX_GRAMMAR_LENGTH) throw this.#error(pointer, "the grammars are too large");
    return limited({ type: "grammar", grammar });
  }

  #sequence(value: JsonObject, pointer: string): Translated {
    const elements = this.#elements(value, pointer);
    const early = elements.findIndex(({ isUnlimited }, i) => isUnlimited && i < elements.length - 1);
    if (early !== -1) {
      throw this.#error(pointerTo(pointerTo(pointer, "elements"), early), "only the last may have no end");
    }
    return {
      format: { type: "sequence", elements: elements.map(({ format }) => format) },
      isUnlimited: elements.at(-1)!.isUnlimited,
    };
  }

  #or(value: JsonObject, pointer: string): Translated {
    const elements = this.#elements(value, pointer);
    const isUnlimited = elements.some((element) => element.isUnlimited);
    if (isUnlimited && !elements.every((element) => element.isUnlimited)) {
      throw this.#error(pointerTo(pointer, "elements"), "either all or none may have no end");
    }
    return { format: { type: "or", elements: elements.map(({ format }) => format) }, isUnlimited };
  }

  #elements(value: JsonObject, pointer: string): Translated[] {
    const at = pointerTo(pointer, "elements");
    return this.#list(value, "elements", pointer).map((element, i) =>
      this.#format(element, pointerTo(at, i))
    );
  }

  #oneTag(value: Json, pointer: string): JsonObject {
    if (!isObject(value)) throw this.#error(pointer, "a tag is an object");
    if (value["type"] !== undefined && value["type"] !== "tag") {
      throw this.#error(pointerTo(pointer, "type"), "the type is not tag");
    }
    this.#checkFields(value, FIELDS["tag"]!, pointer);
    const content = this.#format(value["content"], pointerTo(pointer, "content"));
    const end = this.#string(value, "end", pointer, true);
    if (content.isUnlimited && end === "") {
      throw this.#error(pointerTo(pointer, "end"), "content without an end of its own needs one");
    }
    return { type: "tag", begin: this.#string(value, "begin", pointer), content: content.format, end };
  }

  #tags(value: JsonObject, pointer: string): JsonObject[] {
    const at = pointerTo(pointer, "tags");
    return this.#list(value, "tags", pointer).map((tag, i) => this.#oneTag(tag, pointerTo(at, i)));
  }

  #triggered(value: JsonObject, pointer: string): Translated {
    const at = pointerTo(pointer, "triggers");
    const triggers = this.#list(value, "triggers", pointer).map((trigger, i) => {
      if (typeof trigger === "string" && trigger !== "") return trigger;
      throw this.#error(pointerTo(at, i), "a trigger is a string that is not empty");
    });
    const tags = this.#tags(value, pointer);
    tags.forEach(({ begin }, i) => {
      const numMatching = triggers.filter((trigger) => String(begin).startsWith(trigger)).length;
      if (numMatching === 1) return;
      const reason = numMatching === 0 ? "it begins with no trigger" : "it begins with several triggers";
      throw this.#error(pointerTo(pointerTo(pointer, "tags"), i), reason);
    });
    const idle = triggers.findIndex((trigger) =>
      !tags.some(({ begin }) => String(begin).startsWith(trigger))
    );
    if (idle !== -1) throw this.#error(pointerTo(at, idle), "no tag begins with it");
    return {
      format: { type: "triggered_tags", triggers, tags, ...this.#counts(value, pointer) },
      isUnlimited: true,
    };
  }

  #separated(value: JsonObject, pointer: string): Translated {
    const tags = this.#tags(value, pointer), separator = this.#string(value, "separator", pointer);
    return {
      format: { type: "tags_with_separator", tags, separator, ...this.#counts(value, pointer) },
      isUnlimited: true,
    };
  }

  #counts(value: JsonObject, pointer: string): JsonObject {
    const counts: Record<string, boolean> = {};
    for (const name of ["at_least_one", "stop_after_first"]) {
      const flag = value[name];
      if (flag === undefined) continue;
      if (typeof flag !== "boolean") throw this.#error(pointerTo(pointer, name), "it is not a boolean");
      counts[name] = flag;
    }
    return counts;
  }

  #list(value: JsonObject, name: string, pointer: string): readonly Json[] {
    const list = value[name];
    if (Array.isArray(list) && list.length > 0) return list;
    throw this.#error(pointerTo(pointer, name), "it is not a list with an entry");
  }

  #string(value: JsonObject, name: string, pointer: string, mayBeEmpty: boolean = false): string {
    const text = value[name];
    if (typeof text === "string" && text.isWellFormed() && (mayBeEmpty || text !== "")) return text;
    throw this.#error(
      pointerTo(pointer, name),
      `it is not a string${mayBeEmpty ? "" : " that is not empty"}`,
    );
  }

  #checkFields(value: JsonObject, fields: readonly string[], pointer: string): void {
    const unknown = Object.keys(value).find((name) => name !== "type" && !fields.includes(name));
    if (unknown !== undefined) throw this.#error(pointerTo(pointer, unknown), "the field is not known");
  }

  #error(pointer: string, reason: string): InvalidRequestError {
    return new InvalidRequestError(`${this.#param} cannot be used at ${pointer}: ${reason}`, this.#param);
  }
}

function limited(format: JsonObject): Translated {
  return { format, isUnlimited: false };
}
