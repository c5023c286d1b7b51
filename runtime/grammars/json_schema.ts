/**
 * Grammars of JSON Schemas. Every keyword is enforced, by the grammar or by a rewrite of the schema; what cannot be
 * enforced is refused: docs/structured_output.md has the table.
 *
 * @module
 */
import type { GrammarSource } from "../contracts/constraint.ts";
import { InvalidRequestError } from "../contracts/errors.ts";
import { type Json, readJson } from "./json_bounds.ts";
import { anyObject } from "./json_values.ts";
import { Rules } from "./rules.ts";
import { SchemaDocument } from "./schema_document.ts";
import { SchemaGrammar } from "./schema_grammar.ts";
import { SchemaReader } from "./schema_reader.ts";

/**
 * The grammar of the JSON values that obey a schema, or of its text. Properties come in the schema's order, and only
 * those that it names unless it has `additionalProperties`.
 *
 * Throws InvalidRequestError that names what cannot be enforced with its JSON pointer.
 */
export function jsonSchemaSource(schema: unknown, param: string): GrammarSource {
  return { type: "ebnf", grammar: jsonSchemaGrammar(schema, param) };
}

/**
 * Grammars of the newest schemas by their text, the one asked for last at the end: agents bring the same tools with every
 * turn, and a schema takes some milliseconds.
 */
const recent = new Map<string, string>();
/** Schemas in there. */
const MAX_RECENT = 256;
/** Characters of a schema and its grammar in there, at most. */
const MAX_RECENT_LENGTH = 16_384;

/** The grammar of a schema in EBNF, as {@linkcode jsonSchemaSource} has it. */
export function jsonSchemaGrammar(schema: unknown, param: string): string {
  const json = readJson(schema, param), key = JSON.stringify(json);
  const grammar = recent.get(key) ?? writeGrammar(json, param);
  recent.delete(key);
  if (key.length + grammar.length <= MAX_RECENT_LENGTH) recent.set(key, grammar);
  if (recent.size > MAX_RECENT) recent.delete(recent.keys().next().value!);
  return grammar;
}

function writeGrammar(json: Json, param: string): string {
  const document = new SchemaDocument(json, param);
  const rules = new Rules();
  const root = new SchemaGrammar(document, new SchemaReader(document), rules).add(document.root());
  const grammar = rules.write(root, param);
  if (grammar === undefined) {
    throw new InvalidRequestError(
      `${param} cannot be used at #: no value that can be generated obeys it`,
      param,
    );
  }
  return grammar;
}

/** The grammar of any object of JSON. */
export function jsonObjectSource(): GrammarSource {
  return { type: "ebnf", grammar: jsonObjectGrammar() };
}

/** The same in EBNF. */
export function jsonObjectGrammar(): string {
  const rules = new Rules();
  return rules.write(anyObject(rules), "response_format")!;
}
