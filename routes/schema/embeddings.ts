/**
 * Schemas of `/v1/embeddings` and `/encode`.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { bounded, label, optional, requestIdField, tokenIds } from "./fields.ts";
import { metaInfo } from "./generate.ts";
import { strictFields } from "./strict_fields.ts";
import { unservedEmbeddings, unservedEncode } from "./unserved_fields.ts";

/** Inputs in one request at most, as OpenAI has it. */
export const maxInputs = 2048;

const rid = optional(z.union([requestIdField, bounded(z.array(requestIdField), maxInputs)])).describe(
  "Id of the request; of a list, ids or their common beginning",
);
const dimensions = optional(z.int().min(1)).describe(
  "Numbers of an embedding: the first ones, which are then normalised anew; all by default",
);
const text = z.string().min(1, "the input is empty");
const texts = bounded(z.array(text).min(1), maxInputs);
const lists = bounded(z.array(tokenIds).min(1), maxInputs);

/** Body of an OpenAI embeddings request. */
export const embeddingsRequest = strictFields({
  input: z.union(
    [text, tokenIds, texts, lists],
    `expected text, token ids, or a list of at most ${maxInputs} of one kind of them`,
  )
    .describe(
      "Text, token ids, or a list of one kind of them",
    ),
  model: optional(z.string()).describe("A name of the served model; empty, `default` and none mean it too"),
  encoding_format: optional(z.enum(["float", "base64"])).describe(
    "How embeddings are written; float by default",
  ),
  dimensions,
  add_special_tokens: optional(z.boolean()).describe(
    "Add what the model expects around a text, such as its first token; true by default",
  ),
  rid,
  user: label.describe("Who asks; without effect"),
  ...unservedEmbeddings,
}).openapi("EmbeddingsRequest");

/** Answer to an embeddings request. */
export const embeddingsResponse = z.object({
  object: z.literal("list"),
  data: z.array(z.object({
    object: z.literal("embedding"),
    index: z.int(),
    /** Numbers, or with `base64` the base64 of their float32 form, the lowest byte first. */
    embedding: z.union([z.array(z.number()), z.string()]),
  })),
  model: z.string(),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
}).openapi("EmbeddingsResponse");

/** Body of a native embedding request. */
export const encodeRequest = strictFields({
  text: optional(z.union([text, texts], "expected a text or a list of texts")).describe(
    "Text, or a list of them",
  ),
  input_ids: optional(z.union([tokenIds, lists], "expected token ids or a list of token ids")).describe(
    "Text as tokens, or a list of them",
  ),
  rid,
  dimensions,
  return_prompt_token_ids: optional(z.boolean()).describe("Return the tokens of the text"),
  model: label.describe("Without effect: there is one model"),
  sampling_params: optional(z.looseObject({})).describe("Without effect: nothing is drawn"),
  routing_key: label.describe("Key that a router has routed by; without effect"),
  log_metrics: optional(z.boolean()).describe("Without effect on the output"),
  received_time: optional(z.number()).describe("When a router received the request; without effect"),
  ...unservedEmbeddings,
  ...unservedEncode,
}).openapi("EncodeRequest");

/** Result of one native embedding. */
export const encodeResult = z.object({
  embedding: z.array(z.number()),
  /** With `return_prompt_token_ids`. */
  prompt_token_ids: z.array(z.int()).optional(),
  meta_info: metaInfo.pick({
    id: true,
    finish_reason: true,
    prompt_tokens: true,
    cached_tokens: true,
    num_retractions: true,
    weight_version: true,
    e2e_latency: true,
  }),
}).openapi("EncodeResult");
