/**
 * From anything thrown to an HTTP status and body.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import {
  AbortedError,
  AerieError,
  type ErrorCode,
  httpStatusOf,
  InvalidRequestError,
  MIN_RETRY_MS,
  type RequestProblem,
} from "../../runtime/contracts/errors.ts";
import type { errorBody } from "./content.ts";

/** An error as it goes to a client. */
export interface ErrorReply {
  /** What kind of error it is, for metrics. */
  readonly code: ErrorCode;
  readonly status: ReturnType<typeof httpStatusOf>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: z.infer<typeof errorBody>;
}

/** Shortens text a client sent before it is repeated in an error. */
export function clip(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}

/** Refuses a request whose field `param` is wrong, as `Cannot accept <param>: <reason>`. */
export function throwInvalidField(param: string, reason: string, problem?: RequestProblem): never {
  throw new InvalidRequestError(`Cannot accept ${param}: ${reason}`, param, problem);
}

/** Maps anything thrown. Only errors raised on purpose show their text to clients. */
export function toErrorReply(error: unknown): ErrorReply {
  const known = toAerieError(error);
  const { code, message, details } = known;
  const status = httpStatusOf(code);
  const facts = {
    message,
    type: openaiType(status),
    param: typeof details.param === "string" ? details.param : null,
  };
  return {
    code,
    status,
    headers: replyHeaders(code, details),
    body: { error: { ...facts, code: openaiCode(known) }, object: "error", ...facts, code: status },
  };
}

/** The answer that says what went wrong. */
export function errorResponse({ status, headers, body }: ErrorReply): Response {
  return Response.json(body, { status, headers });
}

/** OpenAI's `type`: a missing key or model is an invalid request there too. */
function openaiType(status: number): string {
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

/** OpenAI's `code`, where it has one. */
function openaiCode({ code, details }: AerieError): string | null {
  if (details.problem === "context_length") return "context_length_exceeded";
  if (code === "unauthorized") return "invalid_api_key";
  if (code === "overloaded") return "rate_limit_exceeded";
  if (code === "aborted") return "request_aborted";
  return code === "not_found" ? notFoundCode(details.param) : null;
}

/** What was not found: what a field names, or else the path. */
function notFoundCode(param: string | number | undefined): string | null {
  if (param === undefined) return "unknown_url";
  if (param === "model") return "model_not_found";
  return param === "previous_response_id" ? "previous_response_not_found" : null;
}

function toAerieError(error: unknown): AerieError {
  if (error instanceof AerieError) return error;
  // The request's signal: its client has left, but may have closed only its side and still read.
  if (error instanceof DOMException && error.name === "AbortError") {
    return new AbortedError("its client closed the connection");
  }
  // Hono's own: malformed JSON (400) and a content type that is not JSON (415).
  if (error instanceof HTTPException) {
    const reason = error.status === 415 ? "expected Content-Type: application/json" : error.message;
    return new InvalidRequestError(`Cannot read body: ${reason}`, "body");
  }
  return new AerieError("internal", "Cannot finish request: internal error");
}

function replyHeaders(code: ErrorCode, details: AerieError["details"]): Record<string, string> {
  if (code === "unauthorized") return { "WWW-Authenticate": "Bearer" };
  if (code === "method_not_allowed") return { Allow: String(details.allow) };
  if (code !== "overloaded" && code !== "unavailable") return {};
  const retryMs = Math.max(MIN_RETRY_MS, Number(details.retryAfterMs ?? 0));
  return { "Retry-After": String(Math.ceil(retryMs / 1000)) };
}

/** The first thing wrong with a body, named by its field. */
export function toInvalidRequest(error: z.ZodError): InvalidRequestError {
  const { path, reason } = firstFault(error.issues);
  const param = clip(
    path.map((key, i) => typeof key === "number" ? `[${key}]` : i > 0 ? `.${String(key)}` : key).join(""),
  );
  return new InvalidRequestError(`Cannot accept ${param || "body"}: ${reason}`, param || "body");
}

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly reason: string;
}

function firstFault(issues: readonly z.core.$ZodIssue[]): Fault {
  const [issue] = issues;
  if (issue === undefined) return { path: [], reason: "invalid" };
  if (issue.code === "unrecognized_keys") {
    const reason = issue.message.startsWith("unknown field") ? issue.message : "unknown field";
    return { path: [...issue.path, issue.keys[0] ?? ""], reason };
  }
  if (issue.code === "invalid_union" && issue.message === "Invalid input") {
    // A union without words of its own: the branch that got furthest is the one the client meant.
    const faults = issue.errors.map(firstFault);
    const deepest = faults.find(({ path }) => path.length > 0);
    const reason = deepest?.reason ?? faults.map((fault) => fault.reason).join(", or ");
    return { path: [...issue.path, ...deepest?.path ?? []], reason };
  }
  return { path: issue.path, reason: issue.message.replace(/^Invalid input: /, "") };
}
