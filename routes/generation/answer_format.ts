/**
 * What an answer must match, where a conversation asks for JSON.
 *
 * @module
 */
import type { Conversation } from "./conversation.ts";

type Format = NonNullable<Conversation["format"]>;

/** Any JSON object; `param` is the field that asks for it. */
export function jsonObjectFormat(param: string): Format {
  return { grammar: { type: "json_object" }, param };
}

/**
 * JSON that follows a schema, which `param` has.
 *
 * @throws {InvalidRequestError} if the schema cannot be enforced
 */
export function jsonSchemaFormat(schema: Readonly<Record<string, unknown>>, param: string): Format {
  return { grammar: { type: "json_schema", schema: JSON.stringify(schema) }, param };
}
