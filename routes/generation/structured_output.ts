/**
 * From the fields that say what the output must match to its grammar.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { GrammarSource, OutputConstraint } from "../../runtime/contracts/constraint.ts";
import { choiceSource } from "../../runtime/grammars/choice.ts";
import { ebnfSource } from "../../runtime/grammars/ebnf.ts";
import { jsonObjectSource, jsonSchemaSource } from "../../runtime/grammars/json_schema.ts";
import { regexSource } from "../../runtime/grammars/regex.ts";
import { structuralTagSource } from "../../runtime/grammars/structural_tag.ts";
import { throwInvalidField } from "../answers/errors.ts";
import type { samplingFields } from "../schema/fields.ts";
import type { outputFormatFields } from "../schema/structured_output.ts";

/** What the output must match, and the field that says so. */
export interface OutputFormat {
  readonly grammar: GrammarSource;
  readonly param: string;
}

/** The fields that bring a grammar, after validation. */
export type GrammarFields =
  & Partial<Pick<z.infer<typeof samplingFields>, "json_schema" | "regex" | "ebnf" | "structural_tag">>
  & { readonly [Name in keyof typeof outputFormatFields]?: z.infer<typeof outputFormatFields[Name]> };

/** A field that is given, and how its grammar is made. */
interface Order {
  readonly param: string;
  readonly grammar: (param: string) => GrammarSource;
}

/** SGLang's word for any JSON. */
const ANY = "$$ANY$$";

/**
 * What the output of a request must match; undefined if it may be anything.
 *
 * @param path of the object that has the fields, such as `sampling_params.`
 * @throws {InvalidRequestError} naming the field at fault, or the second of two that exclude each other
 */
export function outputFormatOf(fields: GrammarFields, path = ""): OutputFormat | undefined {
  const [order, other] = ordersIn(fields);
  if (order === undefined) return undefined;
  if (other !== undefined) throwInvalidField(path + other.param, `${path}${order.param} is given too`);
  const param = path + order.param;
  return { grammar: order.grammar(param), param };
}

/** The same as a generation's constraint. */
export function constraintOf(format: OutputFormat | undefined): { readonly constraint?: OutputConstraint } {
  return format === undefined ? {} : { constraint: format };
}

function ordersIn(fields: GrammarFields): Order[] {
  const { json_schema, regex, ebnf, structural_tag, response_format, structured_outputs: outputs } = fields;
  const orders = [
    ofResponseFormat(response_format),
    ofSchemaText("json_schema", json_schema),
    ofText("regex", regex, regexSource),
    ofText("ebnf", ebnf, ebnfSource),
    ofText("structural_tag", structural_tag, structuralTagSource),
    ofJson("guided_json", fields.guided_json),
    ofText("guided_regex", fields.guided_regex, regexSource),
    fields.guided_choice?.length === 0 ? undefined : ofChoice("guided_choice", fields.guided_choice),
    ofText("guided_grammar", fields.guided_grammar, ebnfSource),
    ofJson("structured_outputs.json", outputs?.json),
    ofText("structured_outputs.regex", outputs?.regex, regexSource),
    ofChoice("structured_outputs.choice", outputs?.choice),
    ofText("structured_outputs.grammar", outputs?.grammar, ebnfSource),
    outputs?.json_object ? { param: "structured_outputs.json_object", grammar: jsonObjectSource } : undefined,
    ofText("structured_outputs.structural_tag", outputs?.structural_tag, structuralTagSource),
  ];
  return orders.filter((order) => order !== undefined);
}

function ofResponseFormat(format: GrammarFields["response_format"]): Order | undefined {
  if (format === undefined) return undefined;
  switch (format.type) {
    case "text":
      return undefined;
    case "json_object":
      return { param: "response_format", grammar: jsonObjectSource };
    case "json_schema": {
      const { schema } = format.json_schema;
      return {
        param: "response_format.json_schema.schema",
        grammar: (param) => jsonSchemaSource(schema, param),
      };
    }
    case "structural_tag":
      return { param: "response_format", grammar: (param) => structuralTagSource(format, param) };
  }
}

/** An empty text stands for none. */
function ofText(
  param: string,
  text: string | undefined,
  source: (text: string, param: string) => GrammarSource,
): Order | undefined {
  return text ? { param, grammar: (param) => source(text, param) } : undefined;
}

function ofSchemaText(param: string, text: string | undefined): Order | undefined {
  return ofText(param, text, (text, param) => jsonSchemaSource(text === ANY ? true : text, param));
}

/** A schema, or its text. */
function ofJson(param: string, schema: GrammarFields["guided_json"]): Order | undefined {
  if (schema === undefined || typeof schema === "string") return ofSchemaText(param, schema);
  return { param, grammar: (param) => jsonSchemaSource(schema, param) };
}

function ofChoice(param: string, texts: readonly string[] | undefined): Order | undefined {
  return texts && { param, grammar: (param) => choiceSource(texts, param) };
}
