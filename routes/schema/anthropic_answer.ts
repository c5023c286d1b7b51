/**
 * Schemas of what Anthropic's API answers.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";

/** Body of every error below `/v1/messages`. */
export const anthropicError = z.object({
  type: z.literal("error"),
  error: z.object({
    /** Anthropic's kind of error, e.g. `invalid_request_error`. */
    type: z.string(),
    message: z.string(),
    details: z.object({ error_code: z.literal("thread_unsupported_request") }).optional().openapi({
      description: "The server keeps no conversations: all of it must be sent",
    }),
  }),
  request_id: z.string(),
}).openapi("AnthropicError");

const contentBlock = z.discriminatedUnion("type", [
  z.object({ type: z.literal("thinking"), thinking: z.string(), signature: z.string() }),
  z.object({ type: z.literal("text"), text: z.string(), citations: z.null() }),
  z.object({
    type: z.literal("tool_use"),
    id: z.string(),
    name: z.string(),
    input: z.record(z.string(), z.unknown()),
    caller: z.object({ type: z.literal("direct") }),
  }),
]);

/** Why an answer ended. */
const stopReason = z.enum([
  "end_turn",
  "max_tokens",
  "stop_sequence",
  "tool_use",
  "model_context_window_exceeded",
]);

/** Token counts; those from the cache of prompts only with `--enable-cache-report`. */
export const anthropicUsage = z.object({
  input_tokens: z.int(),
  output_tokens: z.int(),
  cache_creation_input_tokens: z.int(),
  cache_read_input_tokens: z.int(),
  cache_creation: z.null(),
  /** Null without thinking. */
  output_tokens_details: z.object({ thinking_tokens: z.int() }).nullable(),
  server_tool_use: z.null(),
  service_tier: z.literal("standard"),
  inference_geo: z.null(),
  speed: z.null(),
});

/** A message of the assistant. */
export const messagesResponse = z.object({
  id: z.string(),
  type: z.literal("message"),
  role: z.literal("assistant"),
  model: z.string(),
  content: z.array(contentBlock),
  /** Null at the beginning of a stream. */
  stop_reason: stopReason.nullable(),
  stop_sequence: z.string().nullable(),
  stop_details: z.null(),
  container: z.null(),
  diagnostics: z.null(),
  usage: anthropicUsage,
}).openapi("AnthropicResponse");

/** Number of a prompt's tokens. */
export const countTokensResponse = z.object({ input_tokens: z.int() });

/** The served model, as Anthropic's list of models has it. */
export const anthropicModel = z.object({
  type: z.literal("model"),
  id: z.string(),
  display_name: z.string(),
  created_at: z.string(),
  max_input_tokens: z.int(),
  max_tokens: z.int(),
});
