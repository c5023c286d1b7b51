/**
 * Schemas of what Ollama's API takes: conversations and prompts with their options.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import { z } from "@hono/zod-openapi";
import { maxInputs } from "./embeddings.ts";
import { bounded, optional, seedField } from "./fields.ts";
import { strictFields } from "./strict_fields.ts";
import { freeObject } from "./template_fields.ts";
import { jsonSchema } from "./tools.ts";
import { unserved } from "./unserved.ts";

/** Body of every error below `/api/`. */
export const ollamaError = z.object({ error: z.string() }).openapi("OllamaError");

const stopText = z.string().max(1024);

/** An option of Ollama's own runner, whose part the flags of this server play. */
function runnerOption(
  about: string,
): z.ZodOptional<z.ZodNullable<z.ZodUnion<readonly [z.ZodNumber, z.ZodBoolean]>>> {
  return z.union([z.number(), z.boolean()]).nullable().optional().describe(
    `${about}; without effect: the server's flags say so`,
  );
}

/** How an answer is drawn. */
export const ollamaOptions = strictFields({
  temperature: optional(z.number().min(0).max(100)).describe(
    "Divides the logits; 0 takes the most probable token",
  ),
  top_k: optional(z.int().min(-1)).describe("Draws from the k most probable tokens; -1 and 0 from all"),
  top_p: optional(z.number().min(0).max(1)).describe(
    "Draws from the most probable tokens that together have this probability",
  ),
  min_p: optional(z.number().min(0).max(1)).describe(
    "Draws from tokens that have at least this share of the greatest probability",
  ),
  seed: seedField.describe("Makes the draws reproducible"),
  stop: optional(z.union([stopText, bounded(z.array(stopText), 64)])).describe("Texts that end the answer"),
  num_predict: optional(z.int().min(-2)).describe(
    "Tokens of the answer, at most; -1 and -2 stand for what the context leaves; more is cut to that",
  ),
  num_ctx: optional(z.int().min(1)).describe("Tokens of the context; refused above those of the server"),
  repeat_penalty: optional(z.number().gt(0).max(2)).describe(
    "Divides the logits of tokens that were there; 1 is off",
  ),
  repeat_last_n: optional(z.int().min(-1)).describe(
    "Tokens back that repeat_penalty looks; with one only -1, all of them, and 0, none, are supported",
  ),
  presence_penalty: optional(z.number().min(-2).max(2)).describe("Taken off for tokens that were generated"),
  frequency_penalty: optional(z.number().min(-2).max(2)).describe(
    "Taken off for each time a token was generated",
  ),
  mirostat: unserved("Mirostat sampling", "integer", 0),
  mirostat_tau: unserved("Entropy that Mirostat aims at", "number", 5, 0),
  mirostat_eta: unserved("How fast Mirostat learns", "number", 0.1, 0),
  tfs_z: unserved("Tail-free sampling", "number", 1),
  typical_p: unserved("Locally typical sampling", "number", 1, 0),
  penalize_newline: unserved("Whether repeat_penalty has line breaks", "boolean", true),
  num_keep: runnerOption("Tokens that stay when the context is full"),
  num_batch: runnerOption("Tokens in one forward"),
  num_gpu: runnerOption("Layers on the GPU"),
  main_gpu: runnerOption("Which GPU"),
  num_thread: runnerOption("Threads"),
  numa: runnerOption("Placement of memory"),
  low_vram: runnerOption("Spare the GPU's memory"),
  f16_kv: runnerOption("Element type of the KV"),
  use_mmap: runnerOption("Map the model's file"),
  use_mlock: runnerOption("Lock the model in memory"),
  logits_all: runnerOption("Keep all logits"),
  vocab_only: unserved("Load the vocabulary alone", "boolean", false),
  embedding_only: unserved("Load for embeddings alone", "boolean", false),
}).superRefine(({ repeat_penalty: penalty = 1, repeat_last_n: back = -1 }, context) => {
  if (penalty === 1 || back <= 0) return;
  context.addIssue({
    code: "custom",
    path: ["repeat_last_n"],
    message: "only -1 and 0 are supported with repeat_penalty",
  });
});

const toolCall = strictFields({
  id: optional(z.string().max(256)).describe("What the result of the call names"),
  type: optional(z.literal("function")),
  function: strictFields({
    name: z.string().min(1).max(256).describe("Name of the tool"),
    arguments: freeObject.describe("Arguments by name"),
    description: optional(z.string()).describe("Without effect"),
    index: optional(z.int()).describe("Place among the calls; without effect"),
  }),
});

/** A message of the conversation. */
export const ollamaMessage = strictFields({
  role: z.enum(["system", "user", "assistant", "tool"]).describe("Who speaks"),
  content: optional(z.string()).describe("What is said"),
  thinking: optional(z.string()).describe("What the assistant thought"),
  tool_calls: optional(bounded(z.array(toolCall), 128)).describe("Calls of tools"),
  tool_name: optional(z.string().max(256)).describe("The tool whose result a message of role tool is"),
  tool_call_id: optional(z.string().max(256)).describe("The call that a message of role tool answers"),
  images: unserved("Images", "array", []),
}).superRefine((message, context) => {
  if (message.role === "assistant") return;
  const field = (["thinking", "tool_calls"] as const).find((name) => message[name]?.length);
  if (field === undefined) return;
  context.addIssue({ code: "custom", path: [field], message: "only allowed with role assistant" });
}).openapi("OllamaMessage");

const tool = strictFields({
  type: optional(z.literal("function", "expected function: other tools are not supported yet")),
  function: strictFields({
    type: optional(z.string().max(64)).describe("Without effect"),
    name: z.string().min(1).max(256).describe("Name of the tool"),
    description: optional(z.string()).describe("What it does"),
    parameters: optional(jsonSchema).describe("JSON schema of its arguments, an object's"),
    strict: optional(z.boolean()).describe("Arguments follow the schema in any case"),
  }),
});

/** What conversations and prompts have in common. */
const commonFields = {
  model: z.string().describe("A name of the served model, with or without :latest"),
  stream: optional(z.boolean()).describe("Answer by lines of JSON, which is the default"),
  format: optional(z.union([z.enum(["", "json"]), jsonSchema], 'expected "json" or a JSON schema')).describe(
    "Form of the answer: json, or the JSON schema that it follows",
  ),
  options: optional(ollamaOptions).describe("How the answer is drawn"),
  think: optional(z.union([z.boolean(), z.enum(["low", "medium", "high", "max"])])).describe(
    "Whether the model thinks first, and how much, by its chat template",
  ),
  keep_alive: optional(z.union([z.string().max(64), z.number()])).describe(
    "Without effect: the model stays as long as the server runs",
  ),
  logprobs: unserved("Return logprobs", "boolean", false),
  top_logprobs: unserved("Alternatives to each token", "integer", 0),
  truncate: unserved("Cut a long prompt", "boolean", true),
  shift: unserved("Drop the beginning when the context is full", "boolean", true),
};

/** Body of a request that goes on with a conversation. */
export const ollamaChatRequest = strictFields({
  ...commonFields,
  messages: optional(bounded(z.array(ollamaMessage), 8192)).describe(
    "The conversation; none asks whether the model is loaded",
  ),
  tools: optional(bounded(z.array(tool), 1024)).describe("Tools that the assistant may call"),
}).openapi("OllamaChatRequest");

/** Body of a request that continues a prompt. */
export const ollamaGenerateRequest = strictFields({
  ...commonFields,
  prompt: optional(z.string()).describe("What the user says; none asks whether the model is loaded"),
  system: optional(z.string()).describe("Instructions before the prompt"),
  raw: optional(z.boolean()).describe("Continue the prompt as it is, without the chat template"),
  suffix: optional(z.string()).describe("Text behind the answer; refused if the model fills in no gaps"),
  template: unserved("Template in place of the model's", "string", ""),
  context: unserved("Tokens of an earlier answer", "array", []),
  images: unserved("Images", "array", []),
  width: unserved("Width of an image to make", "integer", 0),
  height: unserved("Height of an image to make", "integer", 0),
  steps: unserved("Steps of making an image", "integer", 0),
}).openapi("OllamaGenerateRequest");

/** Body of a request for facts about the model. */
export const ollamaShowRequest = strictFields({
  model: optional(z.string()).describe("A name of the served model, with or without :latest"),
  name: optional(z.string()).describe("Older name of model"),
  verbose: optional(z.boolean()).describe("Without effect"),
  system: unserved("Instructions in place of the model's", "string", ""),
  template: unserved("Template in place of the model's", "string", ""),
  options: unserved("Options in place of the model's", "object", {}),
}).openapi("OllamaShowRequest");

const embedFields = {
  model: z.string().describe("A name of the served model, with or without :latest"),
  options: optional(ollamaOptions).describe("Without effect: nothing is drawn"),
  keep_alive: optional(z.union([z.string().max(64), z.number()])).describe(
    "Without effect: the model stays as long as the server runs",
  ),
};

/** Body of a request for embeddings. */
export const ollamaEmbedRequest = strictFields({
  ...embedFields,
  input: optional(z.union([z.string(), bounded(z.array(z.string()), maxInputs)])).describe(
    "A text or a list of them; none asks whether the model is loaded",
  ),
  truncate: optional(z.boolean()).describe(
    "Without effect: a text beyond the context is refused, or cut with --allow-auto-truncate",
  ),
  dimensions: optional(z.int().min(1)).describe(
    "Numbers of an embedding: the first ones, which are then normalised anew; all by default",
  ),
}).openapi("OllamaEmbedRequest");

/** Body of the older request for one embedding. */
export const ollamaEmbeddingsRequest = strictFields({
  ...embedFields,
  prompt: optional(z.string()).describe("The text; none asks whether the model is loaded"),
}).openapi("OllamaEmbeddingsRequest");
