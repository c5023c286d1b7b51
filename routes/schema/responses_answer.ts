/**
 * Schemas of what `/v1/responses` answers.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { responsesItem } from "./responses_items.ts";

const itemStatus = z.enum(["in_progress", "completed", "incomplete"]);

const outputText = z.object({
  type: z.literal("output_text"),
  text: z.string(),
  annotations: z.array(z.unknown()).max(0),
  logprobs: z.array(z.unknown()).max(0),
});

const reasoningText = z.object({ type: z.literal("reasoning_text"), text: z.string() });

/** An item of an answer. */
export const outputItem = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("reasoning"),
    id: z.string(),
    /** Empty: the content is the reasoning itself. */
    summary: z.array(z.object({ type: z.literal("summary_text"), text: z.string() })).max(0),
    content: z.array(reasoningText),
    encrypted_content: z.null(),
    status: itemStatus,
  }),
  z.object({
    type: z.literal("message"),
    id: z.string(),
    role: z.literal("assistant"),
    content: z.array(outputText),
    status: itemStatus,
  }),
  z.object({
    type: z.literal("function_call"),
    id: z.string(),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
    status: itemStatus,
  }),
]);

const responsesUsage = z.object({
  input_tokens: z.int(),
  /** `cached_tokens` is 0 without `--enable-cache-report`. */
  input_tokens_details: z.object({ cached_tokens: z.int(), cache_write_tokens: z.int() }),
  output_tokens: z.int(),
  output_tokens_details: z.object({ reasoning_tokens: z.int() }),
  total_tokens: z.int(),
});

/** A response; fields of the request are repeated. */
export const responsesResponse = z.object({
  id: z.string(),
  object: z.literal("response"),
  created_at: z.int(),
  completed_at: z.int().nullable(),
  status: z.enum(["in_progress", "completed", "incomplete", "failed", "cancelled"]),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  incomplete_details: z.object({ reason: z.literal("max_output_tokens") }).nullable(),
  model: z.string(),
  output: z.array(outputItem),
  usage: responsesUsage.nullable(),
  instructions: z.string().nullable(),
  previous_response_id: z.string().nullable(),
  max_output_tokens: z.int().nullable(),
  temperature: z.number().nullable(),
  top_p: z.number().nullable(),
  tools: z.array(z.record(z.string(), z.unknown())),
  tool_choice: z.union([z.string(), z.record(z.string(), z.unknown())]),
  parallel_tool_calls: z.boolean(),
  text: z.object({ format: z.record(z.string(), z.unknown()), verbosity: z.literal("medium") }),
  reasoning: z.object({ effort: z.string().nullable(), summary: z.string().nullable() }),
  truncation: z.enum(["auto", "disabled"]),
  metadata: z.record(z.string(), z.string()),
  store: z.boolean(),
  background: z.literal(false),
  service_tier: z.literal("default"),
  top_logprobs: z.literal(0),
  access_programs: z.null(),
  user: z.string().optional(),
  safety_identifier: z.string().nullable(),
  prompt_cache_key: z.string().nullable(),
}).openapi("Response");

/** What is said of a response that has been forgotten. */
export const deletedResponse = z.object({
  id: z.string(),
  object: z.literal("response"),
  deleted: z.literal(true),
});

/** Items that a response was made from. */
export const inputItems = z.object({
  object: z.literal("list"),
  data: z.array(z.union([responsesItem, outputItem])),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});
