/**
 * Schemas of the native `/generate`.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { maxLogprobTokens, maxTopLogprobs } from "../../runtime/contracts/sampling_params.ts";
import {
  bounded,
  cacheKeyField,
  label,
  labelFields,
  maxBatch,
  oneOrEach,
  optional,
  requestIdField,
  samplingFields,
  seedField,
  speculationFields,
  speculativeField,
  tokenIds,
} from "./fields.ts";
import { speculationRound } from "./speculation_round.ts";
import {
  unservedNative,
  unservedNativeSampling,
  unservedRouting,
  unservedShared,
} from "./unserved_fields.ts";
import { strictFields } from "./strict_fields.ts";

/** `sampling_params` of one prompt. */
export const nativeSampling = strictFields({
  ...samplingFields.shape,
  max_new_tokens: z.int().min(0).nullish().describe(
    "Tokens to generate at most; null until the context is full, 0 scores the prompt. Default: 128",
  ),
  min_new_tokens: optional(z.int().min(0)).describe("Tokens before which nothing ends the generation"),
  sampling_seed: seedField.describe("Makes the draws reproducible"),
  ...unservedNativeSampling,
}).openapi("SamplingParams");

const logprobTokens = bounded(z.array(z.int().min(0)), maxLogprobTokens);

/** Body of a native request: `text` or `input_ids`, one or a list. */
export const generateRequest = strictFields({
  text: optional(z.union([z.string(), bounded(z.array(z.string()).min(1), maxBatch)])).describe(
    "Prompt, or a list of them",
  ),
  input_ids: optional(z.union(
    [tokenIds, bounded(z.array(tokenIds).min(1), maxBatch)],
    "expected token ids or a list of token ids",
  )).describe("Prompt as tokens, or a list of them"),
  sampling_params: optional(oneOrEach(nativeSampling)).describe(
    "How tokens are drawn, for all prompts or for each",
  ),
  rid: optional(oneOrEach(requestIdField)).describe(
    "Id of the request; of a batch, a list or their common beginning",
  ),
  model: label.describe("Without effect: there is one model"),
  stream: optional(z.boolean()).describe("Answer by server-sent events"),
  return_logprob: optional(oneOrEach(z.boolean())).describe("Return logprobs"),
  logprob_start_len: optional(oneOrEach(z.int().min(-1))).describe(
    "First prompt position with a logprob; -1 for output only",
  ),
  top_logprobs_num: optional(oneOrEach(z.int().min(0).max(maxTopLogprobs))).describe(
    "Alternatives to each token",
  ),
  return_text_in_logprobs: optional(z.boolean()).describe("Add the text of tokens to logprobs"),
  token_ids_logprob: optional(z.union([
    z.int().min(0),
    logprobTokens,
    bounded(z.array(logprobTokens), maxBatch),
  ], `expected at most ${maxLogprobTokens} token ids, or a list of them per prompt`)).describe(
    "Tokens whose logprobs are reported at every position, with return_logprob; for all prompts or for each",
  ),
  return_prompt_token_ids: optional(z.boolean()).describe("Return the tokens of the prompt"),
  return_speculation: optional(z.boolean()).describe("Return the verification rounds of speculation"),
  return_hidden_states: optional(oneOrEach(z.union([z.boolean(), z.literal("last")]))).describe(
    "Return outputs of the final norm: of all tokens, or with `last` of the last one; for all prompts or for each",
  ),
  speculative: speculativeField,
  cache_salt: optional(oneOrEach(cacheKeyField)).describe(
    "Prefixes are shared only by requests with the same value",
  ),
  extra_key: optional(oneOrEach(cacheKeyField)).describe("The same, beside cache_salt"),
  log_metrics: optional(z.boolean()).describe("Without effect on the output"),
  received_time: optional(z.number()).describe("When a router received the request; without effect"),
  ...labelFields,
  ...unservedShared,
  ...unservedRouting,
  ...unservedNative,
}).openapi("GenerateRequest");

const logprobTriple = z.tuple([z.number().nullable(), z.int(), z.string().nullable()]);
const topLogprobs = z.array(z.array(logprobTriple).nullable());

/** Facts about one generation. */
export const metaInfo = z.object({
  id: z.string(),
  /** Null while the generation runs. */
  finish_reason: z.union([
    z.object({ type: z.literal("stop"), matched: z.union([z.int(), z.string()]) }),
    z.object({ type: z.literal("length"), length: z.int() }),
    z.object({ type: z.literal("abort"), message: z.string() }),
  ]).nullable(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  cached_tokens: z.int(),
  num_retractions: z.int(),
  weight_version: z.string(),
  ...speculationFields,
  /** Seconds from arrival to the last token, once it is there. */
  e2e_latency: z.number().optional(),
  input_token_logprobs: z.array(logprobTriple).optional(),
  output_token_logprobs: z.array(logprobTriple).optional(),
  input_top_logprobs: topLogprobs.optional(),
  output_top_logprobs: topLogprobs.optional(),
  /** With `token_ids_logprob`: a triple for each. If 0 tokens are asked for, the output has what may come next. */
  input_token_ids_logprobs: topLogprobs.optional(),
  output_token_ids_logprobs: topLogprobs.optional(),
  /**
   * With `return_hidden_states`, of a stream in the last event: an entry per token, the row that it was drawn after, the
   * first of them a list with a row for each token of the prompt. With `last` only that of the last token.
   */
  hidden_states: z.union([
    z.array(z.number()),
    z.array(z.union([z.array(z.number()), z.array(z.array(z.number()))])),
  ])
    .optional(),
}).openapi("MetaInfo");

/** Result of one generation; `index` numbers the chunks of a batch. */
export const generateResult = z.object({
  text: z.string(),
  output_ids: z.array(z.int()),
  /** With `return_prompt_token_ids`; of a stream in the first and the last event. */
  prompt_token_ids: z.array(z.int()).optional(),
  meta_info: metaInfo,
  /**
   * With `return_speculation`: the rounds in their order. An event of a stream has only those since the event before,
   * although its text is that of all: rounds are larger than text, and all again in each event would be much.
   */
  speculation: z.array(speculationRound).optional(),
  index: z.int().optional(),
}).openapi("GenerateResult");
