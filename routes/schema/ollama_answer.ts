/**
 * Schemas of what Ollama's API answers.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import { z } from "@hono/zod-openapi";

/** Counts and times of an answer, in its last line; times are nanoseconds. */
const endFields = {
  /** `load` says that the model is loaded, where nothing was asked. */
  done_reason: z.enum(["stop", "length", "load"]).optional(),
  total_duration: z.int().optional(),
  load_duration: z.int().optional(),
  prompt_eval_count: z.int().optional(),
  prompt_eval_duration: z.int().optional(),
  eval_count: z.int().optional(),
  eval_duration: z.int().optional(),
};

const commonFields = { model: z.string(), created_at: z.string(), done: z.boolean(), ...endFields };

/** A line of an answer in a conversation, or all of it. */
export const ollamaChatResponse = z.object({
  ...commonFields,
  message: z.object({
    role: z.literal("assistant"),
    content: z.string(),
    thinking: z.string().optional(),
    tool_calls: z.array(z.object({
      id: z.string(),
      function: z.object({
        index: z.int(),
        name: z.string(),
        arguments: z.record(z.string(), z.unknown()),
      }),
    })).optional(),
  }),
}).openapi("OllamaChatResponse");

/** A line of an answer to a prompt, or all of it. */
export const ollamaGenerateResponse = z.object({
  ...commonFields,
  response: z.string(),
  thinking: z.string().optional(),
}).openapi("OllamaGenerateResponse");

const details = z.object({
  parent_model: z.string(),
  format: z.string(),
  family: z.string(),
  families: z.array(z.string()),
  parameter_size: z.string(),
  quantization_level: z.string(),
});

const listed = z.object({
  name: z.string(),
  model: z.string(),
  modified_at: z.string(),
  /** Bytes of the weights. */
  size: z.int(),
  /** Of the path that the model was started with. */
  digest: z.string(),
  details,
});

/** The names of the served model. */
export const ollamaTags = z.object({ models: z.array(listed) });

/** The same, as what is loaded. */
export const ollamaRunning = z.object({
  models: z.array(listed.extend({
    expires_at: z.string(),
    size_vram: z.int(),
    context_length: z.int(),
  })),
});

/** Facts about the served model. */
export const ollamaShowResponse = z.object({
  modelfile: z.string(),
  parameters: z.string(),
  template: z.string(),
  details,
  model_info: z.record(z.string(), z.union([z.string(), z.number()])),
  capabilities: z.array(z.enum(["completion", "tools", "thinking"])),
  modified_at: z.string(),
});

/** The version of the API. */
export const ollamaVersion = z.object({ version: z.string() });

/** Embeddings, in the order of their texts. */
export const ollamaEmbedResponse = z.object({
  model: z.string(),
  embeddings: z.array(z.array(z.number())),
  /** Nanoseconds. */
  total_duration: z.int(),
  load_duration: z.int(),
  prompt_eval_count: z.int(),
});

/** One embedding. */
export const ollamaEmbeddingsResponse = z.object({ embedding: z.array(z.number()) });
