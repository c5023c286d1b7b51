/**
 * Schemas of `/v1/completions`.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { maxTopLogprobs } from "../../runtime/contracts/sampling_params.ts";
import {
  bounded,
  cacheKeyField,
  finishReason,
  matchedStop,
  maxBatch,
  oneOrEach,
  openaiFields,
  optional,
  promptLogprobs,
  tokenIds,
  usage,
} from "./fields.ts";
import { outputFormatFields } from "./structured_output.ts";
import { speculationRound } from "./speculation_round.ts";
import { unservedCompletions } from "./unserved_fields.ts";
import { strictFields } from "./strict_fields.ts";

/** Body of a completion request. */
export const completionRequest = strictFields({
  ...openaiFields.shape,
  prompt: z.union([
    z.string(),
    tokenIds,
    bounded(z.array(z.string()).min(1), maxBatch),
    bounded(z.array(tokenIds).min(1), maxBatch),
  ], "expected text, token ids, or a list of one kind of them").describe(
    "Text, token ids, or a list of one kind of them",
  ),
  suffix: optional(z.string()).describe(
    "Text behind the completion, for models that fill gaps in; empty for none",
  ),
  echo: optional(z.boolean()).describe("Begin the text with the prompt"),
  logprobs: optional(
    z.union([z.int().min(0).max(maxTopLogprobs), z.boolean()])
      .transform((numTop) => typeof numTop === "number" ? numTop : numTop ? 1 : undefined),
  ).describe("Alternatives to each token; true is 1, false none and no logprobs"),
  add_special_tokens: optional(z.boolean()).describe(
    "Add what the model expects around a text, such as its first token; true by default",
  ),
  cache_salt: optional(oneOrEach(cacheKeyField)).describe(
    "Prefixes are shared only by requests with the same value",
  ),
  extra_key: optional(oneOrEach(cacheKeyField)).describe("The same, beside cache_salt"),
  ...outputFormatFields,
  ...unservedCompletions,
}).openapi("CompletionRequest");

/**
 * Logprobs in the legacy format. `text_offset` counts characters (code points) of the choice's text, the echo included. A
 * token that is only part of a character reads `bytes:\xf0\x9f`; of alternatives that read the same, the less
 * probable are `token_id:<id>`.
 */
export const legacyLogprobs = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullable(),
  text_offset: z.array(z.int()),
});

/** Answer to a completion request; chunks of a stream have the same form. */
export const completionResponse = z.object({
  id: z.string(),
  object: z.literal("text_completion"),
  created: z.int(),
  model: z.string(),
  choices: z.array(z.object({
    index: z.int(),
    text: z.string(),
    logprobs: legacyLogprobs.nullable(),
    finish_reason: finishReason,
    matched_stop: matchedStop,
    prompt_logprobs: promptLogprobs.optional(),
    /** With `return_token_ids`; of a stream in a choice's first chunk. */
    prompt_token_ids: z.array(z.int()).optional(),
    token_ids: z.array(z.int()).optional(),
    /**
     * With `include_speculation`: the rounds in their order, in a chunk of a stream those since the one before. They have
     * no part in an echo.
     */
    speculation: z.array(speculationRound).optional(),
  })),
  usage: usage.optional(),
}).openapi("CompletionResponse");
