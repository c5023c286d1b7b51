/**
 * Schemas of the items of OpenAI's Responses: what a conversation is made of there.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { bounded, optional, parsedByClient } from "./fields.ts";
import { strictFields } from "./strict_fields.ts";
import { unserved } from "./unserved.ts";

const maxParts = 1024;

const itemId = optional(z.string().max(256)).describe("Id of the item, as an answer had it; without effect");
const status = optional(z.enum(["in_progress", "completed", "incomplete"])).describe("Without effect");
const breakpoint = optional(strictFields({ mode: z.literal("explicit") })).describe(
  "Hint for a cache of prompts; without effect: all prefixes are cached",
);

const inputText = strictFields({
  type: z.literal("input_text"),
  text: z.string().describe("What is said"),
  prompt_cache_breakpoint: breakpoint,
});

const outputText = strictFields({
  type: z.literal("output_text"),
  text: z.string().describe("What the assistant said"),
  annotations: unserved("Sources of the text", "array", []),
  logprobs: optional(z.array(z.unknown())).describe("As an answer had them; without effect"),
  parsed: parsedByClient,
});

const refusal = strictFields({
  type: z.literal("refusal"),
  refusal: z.string().describe("What the assistant said to refuse; rendered as text"),
});

const reasoningText = strictFields({
  type: z.enum(["reasoning_text", "text"]),
  text: z.string().describe("What the assistant thought"),
});

const summaryText = strictFields({
  type: z.literal("summary_text"),
  text: z.string().describe("What the assistant thought, in short"),
});

const contentPart = z.discriminatedUnion("type", [inputText, outputText, refusal], { error: unknownType });

const message = strictFields({
  type: optional(z.literal("message")),
  role: z.enum(["system", "developer", "user", "assistant"]).describe("Who speaks"),
  content: z.union([z.string(), bounded(z.array(contentPart), maxParts)]).describe("What is said"),
  id: itemId,
  status,
  phase: optional(z.enum(["commentary", "final_answer"])).describe("Without effect"),
});

const caller = unserved("Who called the tool", "object", { type: "direct" });

const functionCall = strictFields({
  type: z.literal("function_call"),
  call_id: z.string().min(1).max(256).describe("What the result of the call names"),
  name: z.string().min(1).max(256).describe("Name of the tool"),
  arguments: z.string().describe("JSON text of an object"),
  parsed_arguments: parsedByClient,
  id: itemId,
  status,
  caller,
  namespace: unserved("Namespace of the tool", "string"),
});

const functionCallOutput = strictFields({
  type: z.literal("function_call_output"),
  call_id: z.string().min(1).max(256).describe("The call that this answers"),
  output: z.union([
    z.string(),
    bounded(z.array(z.discriminatedUnion("type", [inputText], { error: unknownType })), maxParts),
  ]).describe("What the tool said"),
  id: itemId,
  status,
  caller,
});

const reasoning = strictFields({
  type: z.literal("reasoning"),
  id: itemId,
  summary: optional(bounded(z.array(summaryText), maxParts)).describe(
    "What the assistant thought, where there is no content",
  ),
  content: optional(bounded(z.array(reasoningText), maxParts)).describe("What the assistant thought"),
  encrypted_content: optional(z.string()).describe(
    "Without effect: only the server that wrote it can read it",
  ),
  status,
});

const itemReference = strictFields({
  type: z.literal("item_reference"),
  id: z.string().min(1).max(256).describe("Id of an item of a stored response"),
});

/** Items by type. */
const ITEMS = {
  message,
  "function_call": functionCall,
  "function_call_output": functionCallOutput,
  reasoning,
  "item_reference": itemReference,
} as const;

/** An item of a conversation; one without a type is a message, or a reference if it has an id alone. */
export const responsesItem = z.preprocess(
  (value) => {
    if (typeof value !== "object" || value === null || ("type" in value && value.type !== null)) return value;
    return { ...value, type: "role" in value || !("id" in value) ? "message" : "item_reference" };
  },
  z.discriminatedUnion(
    "type",
    Object.values(ITEMS) as unknown as [
      typeof message,
      typeof functionCall,
      typeof functionCallOutput,
      typeof reasoning,
      typeof itemReference,
    ],
    { error: unknownType },
  ),
).openapi("ResponseInputItem");

/** Names an item or a part of a type that is not known or not served. */
function unknownType(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "invalid_union") return undefined;
  const { type } = (issue.input ?? {}) as { readonly type?: unknown };
  return typeof type === "string" ? `${type.slice(0, 64)} is not supported yet` : "expected a type";
}

/** Notes of the client, by name. */
export const metadata = optional(bounded(z.record(z.string().max(256), z.string().max(4096)), 64)).describe(
  "The client's own notes, which the answer repeats",
);
