/**
 * Errors that callers catch. Each has a stable `code`, used as the metric label, and survives a message channel as a {@linkcode WireError}.
 *
 * @module
 */

/** Stable error codes; the HTTP status of each is in {@linkcode httpStatusOf}. */
export type ErrorCode =
  | "invalid_request"
  | "forbidden"
  | "not_found"
  | "method_not_allowed"
  | "request_timeout"
  | "aborted"
  | "payload_too_large"
  | "unauthorized"
  | "overloaded"
  | "unavailable"
  | "cannot_load"
  | "actor_crashed"
  | "internal";

/** An error as it crosses a message channel: plain data. */
export interface WireError {
  readonly name: string;
  readonly code: ErrorCode;
  readonly message: string;
  /** Extra facts: `param` (the request field at fault), `problem`, `retryAfterMs`, `allow` (methods of a path). */
  readonly details: Readonly<Record<string, string | number>>;
}

/** Base class of every error Aerie raises on purpose. */
export class AerieError extends Error {
  /** Stable name of the kind of error. */
  readonly code: ErrorCode;
  /** Extra facts, see {@linkcode WireError}. */
  readonly details: Readonly<Record<string, string | number>>;

  /** `message` says what could not be done and why. */
  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, string | number>> = {}) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.details = details;
  }
}

/** What a request asks too much of: the tokens that context or KV pool hold. */
export type RequestProblem = "context_length";

/** A request field is wrong; `param` names it. HTTP 400. */
export class InvalidRequestError extends AerieError {
  /** `param` is the field at fault, `problem` what programs may want to know of it. */
  constructor(message: string, param?: string, problem?: RequestProblem) {
    super("invalid_request", message, {
      ...(param !== undefined && { param }),
      ...(problem !== undefined && { problem }),
    });
  }
}

/** Shortest time after which a refused client should come again, milliseconds: `Retry-After` counts seconds. */
export const MIN_RETRY_MS = 1000;

/** The waiting queue is full. HTTP 429 with `Retry-After`. */
export class OverloadedError extends AerieError {
  /** `retryAfterMs` is when a client may try again. */
  constructor(message: string, retryAfterMs: number = MIN_RETRY_MS) {
    super("overloaded", message, { retryAfterMs });
  }
}

/** A model, tokenizer or library cannot be found, read or trusted. Ends start-up. */
export class LoadError extends AerieError {
  /** `message` says what could not be loaded and why. */
  constructor(message: string) {
    super("cannot_load", message);
  }
}

/** An actor threw; its requests fail with this. HTTP 500. */
export class ActorCrashedError extends AerieError {
  /** `actor` threw `message`. */
  constructor(actor: string, message: string) {
    super("actor_crashed", `Actor ${actor} crashed: ${message}`, { actor });
  }
}

/** A generation was ended by `/abort_request` or because its client left. HTTP 499, which no client tries again. */
export class AbortedError extends AerieError {
  /** `reason` is what the abort was asked for with. */
  constructor(reason: string) {
    super("aborted", `Cannot finish request: ${reason}`);
  }
}

/** The engine is stopping or not started. HTTP 503 with `Retry-After`. */
export class UnavailableError extends AerieError {
  /** `message` says what is not ready. */
  constructor(message: string) {
    super("unavailable", message);
  }
}

/** Turns anything thrown into plain data for a message channel. */
export function toWireError(error: unknown): WireError {
  if (error instanceof AerieError) {
    return { name: error.name, code: error.code, message: error.message, details: error.details };
  }
  const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
  return { name, code: "internal", message, details: {} };
}

/** Rebuilds an error that crossed a channel; the class is {@linkcode AerieError}, the name the original's. */
export function fromWireError(wire: WireError): AerieError {
  const error = new AerieError(wire.code, wire.message, wire.details);
  error.name = wire.name;
  return error;
}

const HTTP_STATUS = {
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  aborted: 499,
  payload_too_large: 413,
  overloaded: 429,
  unavailable: 503,
  cannot_load: 500,
  actor_crashed: 500,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

/** Every error code. */
export const errorCodes: readonly ErrorCode[] = Object.keys(HTTP_STATUS) as ErrorCode[];

/** The HTTP status an error code is answered with. */
export function httpStatusOf(code: ErrorCode): (typeof HTTP_STATUS)[ErrorCode] {
  return HTTP_STATUS[code];
}
