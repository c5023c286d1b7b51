/**
 * What an answer must match, where a conversation asks for JSON.
 *
 * @module
 */
import { jsonObjectSource, jsonSchemaSource } from "../../runtime/grammars/json_schema.ts";
import type { Conversation } from "./conversation.ts";

type Format = NonNullable<Conversation["format"]>;

/** Any JSON object; `param` is the field that asks for it. */
export function jsonObjectFormat(param: string): Format {
  return { grammar: jsonObjectSource(), param };
}

/**
 * JSON that follows a schema, which `param` has.
 *
 * @throws {InvalidRequestError} if the schema cannot be enforced
 */
export function jsonSchemaFormat(schema: unknown, param: string): Format {
  return { grammar: jsonSchemaSource(schema, param), param };
}
