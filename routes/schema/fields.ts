/**
 * Zod schemas and their helpers shared by the endpoint families: validation and the OpenAPI document come from the same objects.
 * Objects are strict and every list and number has a bound, so that no request is ignored in part or amplified.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { maxTopLogprobs } from "../../runtime/contracts/sampling_params.ts";
import { maxRegexLength, maxStopRegexes } from "../../runtime/contracts/stop_regex.ts";
import { unservedOpenai, unservedRouting, unservedSampling, unservedShared } from "./unserved_fields.ts";
import { Slices } from "../answers/slices.ts";
import { strictFields } from "./strict_fields.ts";
import { unserved } from "./unserved.ts";

/** Prompts in one request, at most. */
export const maxBatch = 1024;
/** Generations one request may start, at most: prompts times `n`. */
export const maxGenerations = 1024;

/**
 * A list or record of at most `max` entries. The size is looked at before the entries, so that a huge one does not
 * cost one validation issue per entry.
 */
export function bounded<T extends z.ZodType>(schema: T, max: number): z.ZodPreprocess<T> {
  return z.preprocess((value, context) => {
    const size = sizeOf(value);
    if (size > max) context.addIssue(`${size} entries, at most ${max} are allowed`);
    return value;
  }, schema);
}

/** Entries of a list or record. A text has none: as an object it would have a key per character. */
function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}

/**
 * A list like `bounded(z.array(item).min(1), max)`, checked in slices and only up to its first wrong entry: thousands of
 * entries take longer than streams should wait. `name` is that of the item's schema in the document.
 */
export function slicedList<T extends z.ZodType>(
  item: T,
  name: string,
  max: number,
): z.ZodPipe<z.ZodArray<z.ZodUnknown>, z.ZodTransform<z.output<T>[], unknown[]>> {
  return z.array(z.unknown()).min(1).transform(async (entries, context) => {
    if (entries.length > max) {
      context.addIssue(`${entries.length} entries, at most ${max} are allowed`);
      return z.NEVER;
    }
    const slices = new Slices(), checked: z.output<T>[] = [];
    for (const [index, entry] of entries.entries()) {
      const { success, data, error } = item.safeParse(entry);
      if (!success) {
        const issues = error.issues.map((issue) => ({
          ...issue,
          path: [index, ...issue.path],
          input: entry,
        }));
        context.issues.push(...issues as typeof context.issues);
        return z.NEVER;
      }
      checked.push(data);
      await slices.yieldTurn();
    }
    return checked;
  }).openapi({ type: "array", minItems: 1, items: { $ref: `#/components/schemas/${name}` } });
}

/** A field whose absence and null both mean the default. */
export function optional<T extends z.ZodType>(schema: T): Optional<T> {
  return schema.nullish().transform((value) => value ?? undefined);
}

type Optional<T extends z.ZodType> = z.ZodPipe<
  z.ZodOptional<z.ZodNullable<T>>,
  z.ZodTransform<NonNullable<z.output<T>> | undefined, z.output<T> | null | undefined>
>;

/** One value for the whole batch, or one per prompt. */
export function oneOrEach<T extends z.ZodType>(schema: T): z.ZodUnion<[T, z.ZodPreprocess<z.ZodArray<T>>]> {
  return z.union([schema, bounded(z.array(schema), maxBatch)]);
}

/** A field that cannot change the output: accepted as its API defines it. */
export const label = optional(z.string().max(4096));

/** What a client's helper has read out of an answer's text, and sends back with it. */
export const parsedByClient: z.ZodOptional<z.ZodUnknown> = z.unknown().optional().describe(
  "As the client's helper has read it; without effect",
).openapi({ type: ["object", "array", "string", "number", "boolean", "null"] });

/** A request id; `/abort_request` finds live requests by its beginning. */
export const requestIdField = z.string().min(1).max(256);

/** A text that keeps cached prefixes apart: only generations with the same one share them. */
export const cacheKeyField = z.string().max(256);

/** A non-empty list of token ids, checked in one pass that stops at the first bad entry. */
export const tokenIds = z.custom<readonly number[]>(
  (value) =>
    Array.isArray(value) && value.length > 0 && value.every((id) => Number.isSafeInteger(id) && id >= 0),
  "expected a non-empty list of token ids",
).openapi({ type: "array", minItems: 1, items: { type: "integer", minimum: 0 } });

/** An empty one stands for none. */
const stopText = z.string().max(1024);
const regexText = z.string().max(maxRegexLength);
/** An integer of 64 bits; as text, like in JSON forms of protocol buffers, where the client's numbers are too short. */
export const seedField: Optional<z.ZodType<bigint>> = optional(
  z.union([z.int(), z.string().regex(/^-?\d{1,40}$/)], "expected an integer")
    .transform(BigInt)
    .refine((seed) => BigInt.asIntN(64, seed) === seed, "expected an integer from -2^63 to 2^63 - 1")
    .openapi({ type: ["integer", "null"], format: "int64" }),
);

const tokenKey = z.string().regex(/^\d{1,9}$/, "expected a token id");

/** Sampling fields that all generating endpoints share; null stands for the default. */
export const samplingFields = z.object({
  n: optional(z.int().min(1).max(128)).describe("Choices per prompt"),
  temperature: optional(z.number().min(0).max(100)).describe(
    "Divides the logits; 0 takes the most probable token",
  ),
  top_p: optional(z.number().min(0).max(1)).describe(
    "Draws from the most probable tokens that together have this probability; 0 takes the most probable token",
  ),
  top_k: optional(z.int().min(-1)).describe("Draws from the k most probable tokens; -1 and 0 from all"),
  min_p: optional(z.number().min(0).max(1)).describe(
    "Draws from tokens that have at least this share of the greatest probability",
  ),
  frequency_penalty: optional(z.number().min(-2).max(2)).describe(
    "Taken off for each time a token was generated",
  ),
  presence_penalty: optional(z.number().min(-2).max(2)).describe("Taken off for tokens that were generated"),
  repetition_penalty: optional(z.number().gt(0).max(2)).describe(
    "Divides the logits of tokens that were there",
  ),
  logit_bias: optional(bounded(z.record(tokenKey, z.number().min(-100).max(100)), 1024)).describe(
    "Added to the logits of tokens, by id",
  ),
  stop: optional(z.union([stopText, bounded(z.array(stopText), 64)])).describe(
    "Texts that end the generation; an empty one stands for none",
  ),
  stop_token_ids: optional(bounded(z.array(z.int().min(0)), 64)).describe("Tokens that end the generation"),
  ignore_eos: optional(z.boolean()).describe("Go on after the token that ends a text"),
  skip_special_tokens: optional(z.boolean()).describe(
    "Leave special tokens out of the text; true by default",
  ),
  no_stop_trim: optional(z.boolean()).describe("Leave the stop text in the text"),
  stop_regex: optional(z.union([regexText, bounded(z.array(regexText), maxStopRegexes)])).describe(
    "RE2 expressions: the first match ends the generation, whose text is cut before it",
  ),
  json_schema: optional(z.string()).describe(
    "JSON text of a schema that the output follows; `$$ANY$$` for any JSON, empty for none",
  ),
  regex: optional(z.string()).describe("Regular expression that the whole output matches; empty for none"),
  ebnf: optional(z.string()).describe("EBNF grammar of the output, which starts at root; empty for none"),
  structural_tag: optional(z.string()).describe(
    "JSON text that says between which tags the output has which form; empty for none",
  ),
  ...unservedSampling,
});

/** Names that clients give requests for themselves: they change nothing. */
export const labelFields = {
  "session_id": label.describe("Session of the client; without effect"),
  "routing_key": label.describe("Key that a router has routed by; without effect"),
  "conversation_id": label.describe("Conversation of the client; without effect"),
  label: label.describe("The client's own name of the request; without effect"),
};

/** Whether drafts may be made for a request. */
export const speculativeField = optional(z.boolean()).describe(
  "False decodes without drafts, to the same tokens; true, which is the default, with drafts if the server makes any",
);

/** Fields that `/v1/chat/completions` and `/v1/completions` share. */
export const openaiFields = z.object({
  ...samplingFields.shape,
  model: optional(z.string()).describe("A name of the served model; empty, `default` and none mean it too"),
  seed: seedField.describe("Makes the draws reproducible"),
  sampling_seed: seedField.describe("Other name of seed, which routers use"),
  max_tokens: optional(z.int().min(0)).describe("Tokens to generate at most; 0 scores the prompt"),
  min_tokens: optional(z.int().min(0)).describe("Tokens before which nothing ends the generation"),
  min_new_tokens: optional(z.int().min(0)).describe("Other name of min_tokens"),
  prompt_logprobs: optional(z.int().min(0).max(maxTopLogprobs)).describe(
    "Return logprobs of the prompt's tokens and of so many most probable ones; not with stream",
  ),
  return_token_ids: optional(z.boolean()).describe("Return the tokens of prompt and output"),
  best_of: optional(z.int().min(1).max(128)).describe(
    "Copies of which the n most probable per token are answered; on chats only n itself",
  ),
  include_stop_str_in_output: optional(z.boolean()).describe("vLLM's name of no_stop_trim"),
  stream: optional(z.boolean()).describe("Answer by server-sent events"),
  stream_options: optional(strictFields({
    include_usage: optional(z.boolean()).describe("End the stream with the usage"),
    continuous_usage_stats: optional(z.boolean()).describe("Add the usage so far to every chunk"),
    include_speculation: optional(z.boolean()).describe(
      "Add the verification rounds of speculation to choices; without stream too, to those of the whole answer",
    ),
    include_obfuscation: unserved("Pad chunks so that their sizes say nothing", "boolean", false),
  })).describe("What a stream carries besides the text"),
  speculative: speculativeField,
  rid: optional(requestIdField).describe("Id of the request, by which it can be aborted"),
  request_id: optional(requestIdField).describe("vLLM's name of rid"),
  user: label.describe("Who asks; without effect"),
  ...labelFields,
  ...unservedShared,
  ...unservedRouting,
  ...unservedOpenai,
});

/** vLLM's form of the logprobs of a prompt, by position and token id; the first token has none. */
export const promptLogprobs = z.array(
  z.record(
    z.string(),
    z.object({ "logprob": z.number(), "rank": z.int(), "decoded_token": z.string() }),
  ).nullable(),
);

/** Why a choice ended; null while it runs. */
export const finishReason = z.enum(["stop", "length"]).nullable();
/** The stop text or token that ended a choice. */
export const matchedStop = z.union([z.int(), z.string()]).nullable();

/** What speculation did for a request, under SGLang's names; absent without it. */
export const speculationFields = {
  /** Decode steps, each of which verified what drafts there were. */
  "spec_verify_ct": z.int().optional(),
  /** Tokens per verification, the one that was not drafted included. */
  "spec_accept_length": z.number().optional(),
  /** Share of the drafts that was accepted. */
  "spec_accept_rate": z.number().optional(),
  "spec_num_correct_drafts": z.int().optional(),
  "spec_num_proposed_drafts": z.int().optional(),
  /** Entry n: verifications that accepted n drafts. */
  "spec_correct_drafts_histogram": z.array(z.int()).optional(),
};

/** Token counts of a request, all choices together. */
export const usage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  /** With `--enable-cache-report`. */
  prompt_tokens_details: z.object({ cached_tokens: z.int() }).optional(),
  /** Where the answer has reasoning, as OpenAI and as SGLang name it. */
  completion_tokens_details: z.object({ reasoning_tokens: z.int() }).optional(),
  reasoning_tokens: z.int().optional(),
  /** With `return_meta_info`. */
  ...speculationFields,
}).openapi("Usage");
