/**
 * The schemas of `bench:constrained`: what people have models answer in, five of them with nothing but free strings.
 *
 * @module
 */
import type { OutputConstraint } from "../../runtime/contracts/constraint.ts";
import type { EngineTokenizer } from "../../runtime/engine/options.ts";
import { jsonSchemaSource } from "../../runtime/grammars/json_schema.ts";

/** A request for JSON. */
export interface JsonRequest {
  readonly name: string;
  readonly promptTokens: Int32Array;
  readonly constraint: OutputConstraint;
  /** Nothing of the answer but names and punctuation is given by the schema. */
  readonly hasFreeStringsOnly: boolean;
}

/** A line of `bench/prompts/json_schemas.jsonl`. */
interface Line {
  readonly name: string;
  readonly prompt: string;
  readonly schema: unknown;
  readonly "free_strings"?: boolean;
}

/** A request by schema, as a chat. */
export async function jsonRequests(tokenizer: EngineTokenizer): Promise<JsonRequest[]> {
  const text = Deno.readTextFileSync(new URL("../prompts/json_schemas.jsonl", import.meta.url));
  const lines = text.trimEnd().split("\n").map((line): Line => JSON.parse(line));
  return await Promise.all(lines.map(async ({ name, prompt, schema, free_strings: isFree = false }) => ({
    name,
    promptTokens: await tokenizer.renderChat([{ role: "user", content: `${prompt} Answer in JSON.` }]),
    constraint: { grammar: jsonSchemaSource(schema, "response_format"), param: "response_format" },
    hasFreeStringsOnly: isFree,
  })));
}
