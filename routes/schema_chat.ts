/**
 * Schemas of `/v1/chat/completions`.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { maxTopLogprobs } from "../runtime/sampling/params.ts";
import {
  bounded,
  finishReason,
  label,
  matchedStop,
  notServed,
  openaiFields,
  optional,
  slicedList,
  usage,
} from "./schema.ts";

const textPart = z.strictObject({ type: z.literal("text"), text: z.string() });

/** A message of the conversation. Besides text, only what an answer of this server carries is accepted back. */
export const chatMessage = z.strictObject({
  role: z.enum(["system", "developer", "user", "assistant"]),
  content: z.union([z.string(), bounded(z.array(textPart), 1024)]),
  name: optional(z.string().max(256)),
  tool_calls: notServed([]),
  function_call: notServed(),
  reasoning_content: notServed(""),
  refusal: notServed(),
  annotations: notServed([]),
  audio: notServed(),
}).openapi("ChatMessage");

/** Body of a chat request. */
export const chatRequest = z.strictObject({
  ...openaiFields.shape,
  messages: slicedList(chatMessage, "ChatMessage", 8192),
  max_completion_tokens: optional(z.int().min(0)),
  logprobs: optional(z.boolean()),
  top_logprobs: optional(z.int().min(0).max(maxTopLogprobs)),
  continue_final_message: optional(z.boolean()),
  metadata: optional(bounded(z.record(z.string().max(256), z.string().max(4096)), 64)),
  store: optional(z.boolean()),
  safety_identifier: label,
  prompt_cache_key: label,
  service_tier: label,
  parallel_tool_calls: optional(z.boolean()),
  tools: notServed([]),
  tool_choice: notServed("none", "auto"),
  functions: notServed([]),
  function_call: notServed("none", "auto"),
  response_format: notServed({ type: "text" }),
  modalities: notServed(["text"]),
  audio: notServed(),
  prediction: notServed(),
  verbosity: notServed(),
  reasoning_effort: notServed(),
  separate_reasoning: notServed(true, false),
  stream_reasoning: notServed(true, false),
  chat_template_kwargs: notServed({}),
  web_search_options: notServed(),
  input_ids: notServed(),
  return_cached_tokens_details: notServed(false),
  /** Adds the counts of speculation to `usage`. */
  return_meta_info: optional(z.boolean()),
}).openapi("ChatRequest");

const tokenLogprob = z.object({ token: z.string(), bytes: z.array(z.int()), logprob: z.number() });

/** Logprobs of a choice, one entry per token. */
export const chatLogprobs = z.object({
  content: z.array(tokenLogprob.extend({ top_logprobs: z.array(tokenLogprob) })),
});

/** Answer to a chat request. */
export const chatResponse = z.object({
  id: z.string(),
  object: z.literal("chat.completion"),
  created: z.int(),
  model: z.string(),
  choices: z.array(z.object({
    index: z.int(),
    message: z.object({
      role: z.literal("assistant"),
      content: z.string(),
      reasoning_content: z.null(),
      tool_calls: z.null(),
    }),
    logprobs: chatLogprobs.nullable(),
    finish_reason: finishReason,
    matched_stop: matchedStop,
  })),
  usage,
}).openapi("ChatResponse");
