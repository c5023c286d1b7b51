/**
 * Entries of the OpenAPI document: what operations take and answer, and the body of every error.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";

const errorFacts = z.object({
  message: z.string(),
  /** OpenAI's kind of error, e.g. `invalid_request_error`. */
  type: z.string(),
  /** The request field at fault. */
  param: z.string().nullable(),
});

/** Body of every error: `error` as OpenAI clients read it, the flat fields as SGLang sends them. */
export const errorBody = errorFacts.extend({
  /** The HTTP status. */
  code: z.int(),
  object: z.literal("error"),
  error: errorFacts.extend({
    /** OpenAI's name of the case, e.g. `context_length_exceeded`. */
    code: z.string().nullable(),
  }),
}).openapi("Error");

/** A response entry of the OpenAPI document. */
export function jsonContent<T extends z.ZodType>(schema: T, description: string): {
  content: { "application/json": { schema: T } };
  description: string;
} {
  return { content: { "application/json": { schema } }, description };
}

/** A response entry for plain text. */
export function textContent(description: string): {
  content: { "text/plain": { schema: z.ZodString } };
  description: string;
} {
  return { content: { "text/plain": { schema: z.string() } }, description };
}

/** A request body of JSON, required. */
export function jsonBody<T extends z.ZodType>(schema: T): {
  body: { content: { "application/json": { schema: T } }; required: true };
} {
  return { body: { content: { "application/json": { schema } }, required: true } };
}

/** A request body of JSON that may be left out: the handler then parses the empty object it gets, for the defaults. */
export function optionalJsonBody<T extends z.ZodType>(schema: T): {
  body: { content: { "application/json": { schema: T } }; required: false };
} {
  return { body: { content: { "application/json": { schema } }, required: false } };
}

/** An event of a stream, its data in JSON or `[DONE]`: before OpenAPI 3.2 a stream's schema is that of its events. */
const streamEvent = z.object({ data: z.string() }).openapi("StreamEvent");

/** What a generating endpoint answers: JSON, or server-sent events with `stream`. */
export function generationContent<T extends z.ZodType>(schema: T, description: string): {
  content: { "application/json": { schema: T }; "text/event-stream": { schema: typeof streamEvent } };
  description: string;
} {
  return {
    content: { "application/json": { schema }, "text/event-stream": { schema: streamEvent } },
    description,
  };
}

/** A response entry for JSON that is written in slices, so that its handler answers a bare response. */
export function slicedContent<T extends z.ZodType>(schema: T, description: string): {
  content: Record<string, { schema: T }>;
  description: string;
} {
  return jsonContent(schema, description);
}

/** What an endpoint of Ollama's answers: JSON, or lines of it, each of the same form. */
export function lineContent<T extends z.ZodType>(schema: T, description: string): {
  content: Record<string, { schema: T | z.ZodString }>;
  description: string;
} {
  return {
    content: { "application/json": { schema }, "application/x-ndjson": { schema: z.string() } },
    description,
  };
}

/** The errors every generating endpoint can answer with. */
export const generationErrors = {
  400: { description: "A field is wrong or not supported; `param` names it" },
  401: { description: "The API key is missing or wrong" },
  404: { description: "The model is not served here" },
  413: { description: "The body is too large" },
  429: { description: "The queue is full; see `Retry-After`" },
  499: { description: "The request was aborted; the native endpoint then has finish reason `abort`" },
  503: { description: "The server is starting or stopping; see `Retry-After`" },
} as const;
