/**
 * Constraints of every kind that clients ask for, with what their answers must be.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { GrammarSource, OutputConstraint } from "../../runtime/contracts/constraint.ts";
import { jsonObjectSource, jsonSchemaSource } from "../../runtime/grammars/json_schema.ts";
import { ebnfSource } from "../../runtime/grammars/ebnf.ts";
import { regexSource } from "../../runtime/grammars/regex.ts";
import { structuralTagSource } from "../../runtime/grammars/structural_tag.ts";

/** A grammar and its judge. */
export interface GrammarCase {
  readonly name: string;
  readonly constraint: OutputConstraint;
  /** Its answers may be of any length; all others end, whatever the model, within 90 tokens. */
  readonly isEndless?: boolean;
  /** Throws unless a whole answer is one of the grammar's. */
  check(text: string): void;
}

/** A case of JSON that follows a schema. */
export function schemaCase(name: string, schema: Record<string, unknown>): GrammarCase {
  const validate = new Ajv2020({ strict: false }).compile(schema);
  return {
    name,
    constraint: { grammar: jsonSchemaSource(schema, "response_format"), param: "response_format" },
    check(text) {
      assert.ok(validate(JSON.parse(text)), `${text}: ${JSON.stringify(validate.errors)}`);
    },
  };
}

function textCase(name: string, grammar: GrammarSource, pattern: RegExp): GrammarCase {
  return { name, constraint: { grammar, param: name }, check: (text) => assert.match(text, pattern) };
}

const CALL = {
  type: "object",
  properties: { city: { enum: ["Paris", "Rome"] }, days: { type: "integer", minimum: 1, maximum: 9 } },
  required: ["city", "days"],
  additionalProperties: false,
};

const TAG = {
  type: "tag",
  begin: '<call>{"name": "weather", "arguments": ',
  content: { type: "json_schema", "json_schema": CALL },
  end: "}</call>",
};

/** Constraints of every kind. */
export const GRAMMAR_CASES: readonly GrammarCase[] = [
  schemaCase("object", {
    type: "object",
    properties: {
      kind: { enum: ["circle", "square", "triangle"] },
      corners: { type: "integer", minimum: 0, maximum: 99 },
      isFilled: { type: "boolean" },
    },
    required: ["kind", "corners", "isFilled"],
    additionalProperties: false,
  }),
  schemaCase("array", {
    type: "array",
    items: { anyOf: [{ enum: ["on", "off", null] }, CALL] },
    minItems: 1,
    maxItems: 2,
  }),
  {
    ...schemaCase("recursion", {
      $ref: "#/$defs/tree",
      $defs: {
        tree: {
          type: "object",
          properties: { leaf: { type: "boolean" }, next: { $ref: "#/$defs/tree" } },
          required: ["leaf"],
          additionalProperties: false,
        },
      },
    }),
    isEndless: true,
  },
  {
    ...textCase(
      "ebnf",
      ebnfSource('root ::= term (("+" | "*") term)*\nterm ::= [0-9] | "(" root ")"', "ebnf"),
      /^[0-9(][0-9+*()]*$/,
    ),
    isEndless: true,
  },
  textCase(
    "regex",
    regexSource("[a-z]{3}(-[a-z]{3}){1,2}: [0-9]{2,4}", "regex"),
    /^[a-z]{3}(-[a-z]{3}){1,2}: [0-9]{2,4}$/,
  ),
  textCase(
    "structural_tag",
    structuralTagSource({ type: "structural_tag", format: TAG }, "structural_tag"),
    /^<call>\{"name": "weather", "arguments": \{"city": "(Paris|Rome)", "days": [1-9]\}\}<\/call>$/,
  ),
  {
    name: "json_object",
    constraint: { grammar: jsonObjectSource(), param: "response_format" },
    isEndless: true,
    check: (text) => assert.equal(typeof JSON.parse(text), "object"),
  },
];
