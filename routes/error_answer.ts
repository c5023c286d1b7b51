/**
 * Error answers in the form of the API that was asked: Anthropic's, Ollama's, or OpenAI's.
 *
 * @module
 */
import { anthropicErrorResponse, anthropicPaths } from "./anthropic/errors.ts";
import { type ErrorReply, errorResponse } from "./answers/errors.ts";
import { ollamaErrorResponse, ollamaPaths } from "./ollama/errors.ts";

/** What was asked. */
export interface AskedFor {
  /** Path of the endpoint, without what a proxy puts before it. */
  readonly path: string;
  /** Id of the HTTP request. */
  readonly requestId: string;
}

/** The answer that says what went wrong. */
export function answerError(reply: ErrorReply, { path, requestId }: AskedFor): Response {
  if (anthropicPaths.test(path)) return anthropicErrorResponse(reply, requestId);
  return ollamaPaths.test(path) ? ollamaErrorResponse(reply) : errorResponse(reply);
}
