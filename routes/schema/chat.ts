/**
 * Schemas of `/v1/chat/completions`.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { maxTopLogprobs } from "../../runtime/contracts/sampling_params.ts";
import { bounded, matchedStop, openaiFields, optional, promptLogprobs, slicedList, usage } from "./fields.ts";
import { chatMessage } from "./messages.ts";
import { outputFormatFields } from "./structured_output.ts";
import { speculationRound } from "./speculation_round.ts";
import { unservedChat } from "./unserved_fields.ts";
import { cacheKeyFields, openaiLabels } from "./openai_labels.ts";
import { strictFields } from "./strict_fields.ts";
import { templateFields } from "./template_fields.ts";
import { toolFields } from "./tools.ts";

const texts = z.union([
  z.string(),
  bounded(z.array(z.strictObject({ type: z.literal("text"), text: z.string() })), 1024),
]);

/** Body of a chat request. */
export const chatRequest = strictFields({
  ...openaiFields.shape,
  messages: slicedList(chatMessage, "ChatMessage", 8192).describe("The conversation"),
  max_completion_tokens: optional(z.int().min(0)).describe(
    "Tokens of the answer, at most; 0 scores the prompt",
  ),
  logprobs: optional(z.boolean()).describe("Return logprobs of the answer's tokens"),
  top_logprobs: optional(z.int().min(0).max(maxTopLogprobs)).describe(
    "Alternatives to each token; needs logprobs",
  ),
  ...templateFields,
  ...cacheKeyFields,
  metadata: optional(bounded(z.record(z.string().max(256), z.string().max(4096)), 64)).describe(
    "The client's own notes; without effect",
  ),
  store: optional(z.boolean()).describe("Without effect: nothing is stored"),
  ...openaiLabels,
  ...toolFields,
  prediction: optional(strictFields({ type: z.literal("content"), content: texts })).describe(
    "Text that the answer probably has; without effect on the output",
  ),
  return_prompt_token_ids: optional(z.boolean()).describe("Return the tokens of the prompt"),
  return_meta_info: optional(z.boolean()).describe("Adds the counts of speculation to usage"),
  ...outputFormatFields,
  ...unservedChat,
}).openapi("ChatRequest");

const tokenLogprob = z.object({ token: z.string(), bytes: z.array(z.int()), logprob: z.number() });

/** Logprobs of a choice, one entry per token. */
export const chatLogprobs = z.object({
  content: z.array(tokenLogprob.extend({ top_logprobs: z.array(tokenLogprob) })),
  refusal: z.null(),
});

const calledFunction = z.object({
  name: z.string(),
  /** JSON text of an object. */
  arguments: z.string(),
});

const answeredCall = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: calledFunction,
});

/** Why a choice ended. */
const chatFinishReason = z.enum(["stop", "length", "tool_calls", "function_call"]).nullable();

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
      /** Null where the answer only calls tools. */
      content: z.string().nullable(),
      refusal: z.null(),
      reasoning_content: z.string().nullable(),
      /** The same under its other name, where there is any. */
      reasoning: z.string().optional(),
      tool_calls: z.array(answeredCall).optional(),
      /** Where functions were offered in the old form. */
      function_call: calledFunction.optional(),
    }),
    logprobs: chatLogprobs.nullable(),
    finish_reason: chatFinishReason,
    matched_stop: matchedStop,
    /** With `return_token_ids`, as vLLM and as SGLang name them. */
    token_ids: z.array(z.int()).optional(),
    response_token_ids: z.array(z.int()).optional(),
    prompt_token_ids: z.array(z.int()).optional(),
    /** With `include_speculation`: the rounds in their order, in a chunk of a stream those since the one before. */
    speculation: z.array(speculationRound).optional(),
  })),
  /** With `return_token_ids` or `return_prompt_token_ids`; of a stream in the first chunk. */
  prompt_token_ids: z.array(z.int()).optional(),
  prompt_logprobs: promptLogprobs.optional(),
  usage,
}).openapi("ChatResponse");
