/**
 * Errors in the form of Ollama's API.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import { jsonContent } from "../answers/content.ts";
import type { ErrorReply } from "../answers/errors.ts";
import { ollamaError } from "../schema/ollama.ts";

/** Paths whose errors have this form. */
export const ollamaPaths = /^\/api\//;

/** The body of an error answer, which is also the last line of a stream that fails. */
export function toOllamaError({ body }: ErrorReply): z.infer<typeof ollamaError> {
  return { error: body.message };
}

/** The answer that says what went wrong. */
export function ollamaErrorResponse(reply: ErrorReply): Response {
  return Response.json(toOllamaError(reply), { status: reply.status, headers: reply.headers });
}

/** The errors that every endpoint can answer with. */
export const ollamaErrors = {
  400: jsonContent(ollamaError, "A field is wrong or not supported; the text names it"),
  401: jsonContent(ollamaError, "The API key is missing or wrong"),
  403: jsonContent(ollamaError, "The request is for another host, or from a web page of another origin"),
  404: jsonContent(ollamaError, "The model is not served here"),
  413: jsonContent(ollamaError, "The body is too large"),
  429: jsonContent(ollamaError, "The queue is full; see `Retry-After`"),
  499: jsonContent(ollamaError, "The request was aborted"),
  503: jsonContent(ollamaError, "The server is starting or stopping; see `Retry-After`"),
} as const;
