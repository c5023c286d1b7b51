/**
 * Schemas of `/tokenize`, `/detokenize` and `/tokenizer_info`. SGLang and vLLM share the paths: bodies of both are
 * taken, and answers have the fields of both.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { bounded, label, maxBatch, optional, slicedList } from "./fields.ts";
import { chatMessage } from "./messages.ts";
import { strictFields } from "./strict_fields.ts";
import { templateFields } from "./template_fields.ts";
import { unserved } from "./unserved.ts";

/** Tokens of one `/detokenize` at most: those of the largest body, were each two characters of it. */
const maxTokens = 2 * 1024 * 1024;

/** Token ids, checked in one pass that stops at the first bad entry; there may be none. */
const tokenList = z.custom<readonly number[]>(
  (value) =>
    Array.isArray(value) && value.length <= maxTokens &&
    value.every((id) => Number.isSafeInteger(id) && id >= 0),
  "expected a list of token ids",
).openapi({ type: "array", items: { type: "integer", minimum: 0 } });

/** Body of `/tokenize`: a prompt, several, or a conversation. */
export const tokenizeRequest = strictFields({
  model: optional(z.string()).describe("A name of the served model"),
  prompt: optional(z.union([z.string(), bounded(z.array(z.string()), maxBatch)])).describe(
    "Text, or texts, whose tokens are then lists; special tokens written in them are special",
  ),
  messages: optional(slicedList(chatMessage, "ChatMessage", 8192)).openapi({
    type: ["array", "null"],
    description: "A conversation, rendered as for /v1/chat/completions",
  }),
  add_special_tokens: optional(z.boolean()).describe(
    "Add what the model expects around a text, such as bos; with messages the template does",
  ),
  return_token_strs: optional(z.boolean()).describe("Answer token_strs too"),
  ...templateFields,
  chat_template: unserved("Jinja text to use in place of the model's", "string"),
  mm_processor_kwargs: unserved("Options for images", "object", {}),
  tools: unserved("Tools for the template", "array", []),
  tool_choice: unserved("Whether tools are called", ["string", "object"], "none", "auto"),
  user: label.describe("Who asks; without effect"),
}).openapi("TokenizeRequest");

const lists = <T extends z.ZodType>(entry: T) => z.union([z.array(entry), z.array(z.array(entry))]);

/** Answer of `/tokenize`; with several prompts each field but the last is a list with an entry for each. */
export const tokenizeResponse = z.object({
  tokens: lists(z.int()),
  count: z.union([z.int(), z.array(z.int())]),
  /** As the vocabulary writes the tokens, e.g. `Ġworld`. */
  token_strs: lists(z.string()).optional(),
  max_model_len: z.int(),
}).openapi("TokenizeResponse");

/** Body of `/detokenize`. */
export const detokenizeRequest = strictFields({
  model: optional(z.string()).describe("A name of the served model"),
  tokens: z.union([tokenList, bounded(z.array(tokenList), maxBatch)], "expected token ids, or lists of them")
    .describe("Token ids, or lists of them, whose texts are then a list"),
  skip_special_tokens: optional(z.boolean()).describe(
    "Leave special tokens out; if it is not given, text leaves them out, and prompt does not",
  ),
}).openapi("DetokenizeRequest");

const texts = z.union([z.string(), z.array(z.string())]);

/** Answer of `/detokenize`. */
export const detokenizeResponse = z.object({
  /** SGLang's field. */
  text: texts,
  /** vLLM's field. */
  prompt: texts,
}).openapi("DetokenizeResponse");

/** Answer of `/tokenizer_info`: what tokenizer_config.json says, as far as Aerie reads it. */
export const tokenizerInfo = z.object({
  tokenizer_class: z.literal("PreTrainedTokenizerFast"),
  bos_token: z.string().nullable(),
  eos_token: z.string().nullable(),
  unk_token: z.string().nullable(),
  pad_token: z.string().nullable(),
  add_bos_token: z.boolean(),
  chat_template: z.string().nullable(),
  model_max_length: z.int(),
  vocab_size: z.int(),
}).openapi("TokenizerInfo");
