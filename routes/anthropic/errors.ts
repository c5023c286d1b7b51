/**
 * Errors in the form of Anthropic's API.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import type { ErrorReply } from "../answers/errors.ts";
import type { anthropicError } from "../schema/anthropic_answer.ts";

/** Paths whose errors have this form. */
export const anthropicPaths = /^\/v1\/messages(\/|$)/;

/** Anthropic's status of a server that cannot take requests for now; clients try again. */
const overloadedStatus = 529;

const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  408: "timeout_error",
  413: "request_too_large",
  429: "rate_limit_error",
};

/** Anthropic's word to clients that they are to send the whole conversation: its runner of tools then does. */
const NO_THREADS = { "error_code": "thread_unsupported_request" } as const;

/** Names the HTTP request in every answer, where Anthropic's clients look for it. */
export function nameRequest(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    if (anthropicPaths.test(c.req.path)) c.res.headers.set("request-id", requestIdOf(c));
  };
}

/** Id of the HTTP request, which every answer has. */
export function requestIdOf(c: Context): string {
  return c.get("requestId");
}

/** The body of an error answer, which is also the last event of a stream that fails. */
export function toAnthropicError(reply: ErrorReply, requestId: string): z.infer<typeof anthropicError> {
  return {
    type: "error",
    error: {
      type: typeOf(reply),
      message: reply.body.message,
      ...(reply.body.param === "thread" && { details: NO_THREADS }),
    },
    request_id: requestId,
  };
}

/** The answer that says what went wrong. */
export function anthropicErrorResponse(reply: ErrorReply, requestId: string): Response {
  return Response.json(toAnthropicError(reply, requestId), {
    status: reply.status === 503 ? overloadedStatus : reply.status,
    headers: reply.headers,
  });
}

function typeOf({ status }: ErrorReply): string {
  if (status === 503) return "overloaded_error";
  if (status >= 500) return "api_error";
  return TYPES[status] ?? "invalid_request_error";
}
