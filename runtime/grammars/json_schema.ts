/**
 * Grammars of JSON Schemas. Every keyword is enforced, by the grammar or by a rewrite of the schema; what cannot be
 * enforced is refused: docs/structured_output.md has the table.
 *
 * @module
 */
import type { GrammarSource } from "../contracts/constraint.ts";
import { InvalidRequestError } from "../contracts/errors.ts";
import { readJson } from "./json_bounds.ts";
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

/** The grammar of a schema in EBNF, as {@linkcode jsonSchemaSource} has it. */
export function jsonSchemaGrammar(schema: unknown, param: string): string {
  const document = new SchemaDocument(readJson(schema, param), param);
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
