/**
 * Schemas of the native `/generate`.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { maxTopLogprobs } from "../runtime/sampling/params.ts";
import {
  bounded,
  maxBatch,
  notServed,
  oneOrEach,
  optional,
  requestIdField,
  samplingFields,
  seedField,
  speculationFields,
  tokenIds,
} from "./schema.ts";

/** `sampling_params` of one prompt. */
export const nativeSampling = z.strictObject({
  ...samplingFields.shape,
  /** Null generates until the context is full, 0 scores the prompt. */
  max_new_tokens: z.int().min(0).nullish(),
  min_new_tokens: optional(z.int().min(0)),
  sampling_seed: seedField,
  spaces_between_special_tokens: notServed(true),
  structural_tag: notServed(),
  custom_params: notServed(),
}).openapi("SamplingParams");

/** Body of a native request: `text` or `input_ids`, one or a list. */
export const generateRequest = z.strictObject({
  text: optional(z.union([z.string().min(1), bounded(z.array(z.string().min(1)).min(1), maxBatch)])),
  input_ids: optional(z.union(
    [tokenIds, bounded(z.array(tokenIds).min(1), maxBatch)],
    "expected token ids or a list of token ids",
  )),
  sampling_params: optional(oneOrEach(nativeSampling)),
  rid: optional(oneOrEach(requestIdField)),
  stream: optional(z.boolean()),
  return_logprob: optional(oneOrEach(z.boolean())),
  /** First prompt position with a logprob; -1 for output only. */
  logprob_start_len: optional(oneOrEach(z.int().min(-1))),
  top_logprobs_num: optional(oneOrEach(z.int().min(0).max(maxTopLogprobs))),
  return_text_in_logprobs: optional(z.boolean()),
  input_embeds: notServed(),
  token_ids_logprob: notServed([]),
  return_hidden_states: notServed(false),
  image_data: notServed([]),
  audio_data: notServed([]),
  video_data: notServed([]),
  lora_path: notServed(),
  session_params: notServed(),
  custom_logit_processor: notServed(),
  priority: notServed(),
  extra_key: notServed(),
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
}).openapi("MetaInfo");

/** Result of one generation; `index` numbers the chunks of a batch. */
export const generateResult = z.object({
  text: z.string(),
  output_ids: z.array(z.int()),
  meta_info: metaInfo,
  index: z.int().optional(),
}).openapi("GenerateResult");
