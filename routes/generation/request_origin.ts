/**
 * Where generations come from, for metrics and traces.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import type { RequestOrigin } from "../../runtime/contracts/generation.ts";

const receivedAtKey = "receivedAt";

/** Endpoints that answer conversations. */
const CHATS = /^\/(v1\/(chat\/|responses|messages)|api\/chat)/;

/** Takes the time at which a request has been read. */
export function noteArrival(): MiddlewareHandler {
  return async (c, next) => {
    c.set(receivedAtKey, performance.now());
    await next();
  };
}

/** Origin of the generations of an HTTP request. */
export function originOf(c: Context, isStreaming: boolean): RequestOrigin {
  const receivedAt: unknown = c.get(receivedAtKey);
  const headers = ["traceparent", "tracestate"].flatMap((name) => {
    const value = c.req.header(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    isStreaming,
    operation: CHATS.test(c.req.path) ? "chat" : "text_completion",
    ...(typeof receivedAt === "number" && { receivedAt }),
    ...(headers.length > 0 && { trace: Object.fromEntries(headers) }),
  };
}
