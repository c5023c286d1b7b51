/**
 * Fields that say what the output must match, in the forms of OpenAI, SGLang and vLLM. Only shapes are checked here:
 * schemas and grammars are by `runtime/grammars/`.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import { z } from "@hono/zod-openapi";
import { bounded, optional } from "./fields.ts";
import { strictFields } from "./strict_fields.ts";
import { unserved } from "./unserved.ts";

/** Texts of a choice, at most. */
const maxChoices = 1024;
/** Tags of a structural tag, and texts that begin one, at most. */
const maxTags = 1024;

const jsonObject = z.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "expected an object",
).openapi({ type: "object", additionalProperties: true });

const jsonSchema = z.union([z.boolean(), jsonObject], "expected a JSON schema: an object, true or false");

/** Without a schema, written out or not. */
const noSchema = z.null().optional();

/** OpenAI's form of the output, and SGLang's structural tags. */
const responseFormat = z.discriminatedUnion("type", [
  strictFields({ type: z.literal("text"), json_schema: noSchema }),
  strictFields({ type: z.literal("json_object"), json_schema: noSchema }),
  strictFields({
    type: z.literal("json_schema"),
    json_schema: strictFields({
      name: optional(z.string().max(256)).describe("Without effect"),
      description: optional(z.string()).describe("Without effect"),
      schema: jsonSchema.describe("What the output follows"),
      strict: optional(z.boolean()).describe("Without effect: the schema is enforced in any case"),
    }),
  }),
  strictFields({
    type: z.literal("structural_tag"),
    format: optional(jsonObject).describe("Format of the output, in xgrammar's form"),
    structures: optional(bounded(z.array(z.unknown()), maxTags)).describe("Older form: tags with schemas"),
    triggers: optional(bounded(z.array(z.unknown()), maxTags)).describe("Older form: texts that begin a tag"),
  }),
]);

const choices = bounded(z.array(z.string()), maxChoices);

/** What only `/v1` has. */
export const outputFormatFields = {
  response_format: optional(responseFormat).describe(
    "Form of the output: text, json_object, json_schema or structural_tag",
  ),
  structured_outputs: optional(strictFields({
    json: optional(z.union([z.string(), jsonSchema], "expected a JSON schema or its text")).describe(
      "JSON schema, or its text",
    ),
    regex: optional(z.string()).describe("Regular expression"),
    choice: optional(choices).describe("Texts of which the output is one"),
    grammar: optional(z.string()).describe("Grammar in EBNF"),
    json_object: optional(z.boolean()).describe("Any JSON object"),
    structural_tag: optional(z.string()).describe("JSON text of a structural tag"),
    disable_fallback: optional(z.boolean()).describe("Without effect: there is one backend"),
    disable_any_whitespace: unserved("JSON without white space", "boolean", false),
    disable_additional_properties: unserved("No properties besides those of the schema", "boolean", false),
    whitespace_pattern: unserved("White space in JSON", "string", ""),
  })).describe("vLLM's form of what the output must match"),
  guided_json: optional(z.union([z.string(), jsonSchema], "expected a JSON schema or its text")).describe(
    "Older form of structured_outputs.json",
  ),
  guided_regex: optional(z.string()).describe("Older form of structured_outputs.regex"),
  guided_choice: optional(choices).describe("Older form of structured_outputs.choice"),
  guided_grammar: optional(z.string()).describe("Older form of structured_outputs.grammar"),
};
