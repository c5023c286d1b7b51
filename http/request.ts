/**
 * From a message of node:http to a web Request.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { AerieError, InvalidRequestError } from "../runtime/errors.ts";

/** Methods that an application is asked for; every other is answered 405. */
export const METHODS: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/**
 * Refuses what the parser lets through and a web Request, or what reads it, would understand otherwise.
 *
 * @throws {AerieError} with code `method_not_allowed` or `invalid_request`
 */
export function checkHead(message: IncomingMessage): void {
  const { method = "", url = "", httpVersionMajor, rawHeaders, headers } = message;
  if (!METHODS.includes(method)) throw methodRefusal(method);
  if (httpVersionMajor !== 1) refuse(`HTTP/${message.httpVersion} is not spoken here`);
  if (!url.startsWith("/")) refuse("the target does not begin with a slash");
  const numHosts = rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === "host").length;
  if (numHosts > 1) refuse(`there are ${numHosts} Host headers`);
  const encoding = headers["transfer-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "chunked") {
    refuse(`transfer encoding ${encoding.slice(0, 100)} is not supported`);
  }
}

/** The error for a method that nothing here takes. */
export function methodRefusal(method: string): AerieError {
  return new AerieError("method_not_allowed", `Cannot accept method ${method}`, {
    allow: METHODS.join(", "),
  });
}

function refuse(reason: string): never {
  throw new InvalidRequestError(`Cannot accept request: ${reason}`);
}

/** The body of a message: read only once somebody asks for it, and then no faster than it is taken. */
export class IncomingBody {
  /** Whether somebody reads and the end has not come. */
  isAwaited = false;
  readonly #message: IncomingMessage;
  readonly #begin: () => void;
  /** Why what is still missing will not come; also where nobody has asked for it yet. */
  #failure: AerieError | undefined;
  #out: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;

  /** `begin` runs before the first byte is read: it tells a client that waits to go on. */
  constructor(message: IncomingMessage, begin: () => void) {
    this.#message = message;
    this.#begin = begin;
  }

  /** Whether all of it has come from the client. */
  get isComplete(): boolean {
    return this.#message.complete;
  }

  /** As a web stream; to be taken once. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: (out) => {
        if (this.#out === undefined) this.#start(out);
        this.#message.resume();
      },
      cancel: () => {
        this.isAwaited = false;
        this.#out = undefined;
      },
    }, { highWaterMark: 0 });
  }

  /** Reads and forgets what still comes, so that the end of the connection is noticed. */
  discard(): void {
    this.#message.on("data", () => {});
    this.#message.resume();
  }

  /** Ends reading with an error, now or once it begins, unless all has come. */
  fail(error: AerieError): void {
    if (this.isComplete && !this.isAwaited) return;
    this.isAwaited = false;
    this.#failure ??= error;
    this.#out?.error(error);
    this.#out = undefined;
  }

  #start(out: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    if (this.#failure !== undefined) return out.error(this.#failure);
    const message = this.#message;
    this.#out = out;
    this.isAwaited = true;
    this.#begin();
    message.on("data", (chunk: Uint8Array<ArrayBuffer>) => {
      if (this.#out === undefined) return;
      this.#out.enqueue(chunk);
      message.pause();
    });
    message.once("end", () => {
      this.isAwaited = false;
      this.#out?.close();
      this.#out = undefined;
    });
    message.once("close", () => this.fail(cutShort()));
  }
}

/** What a body fails with that ends before it is complete. */
export function cutShort(): AerieError {
  return new InvalidRequestError("Cannot read body: it ends before it is complete", "body");
}

/** The web Request that `message` stands for; `signal` aborts when the client leaves. */
export function toRequest(message: IncomingMessage, body: IncomingBody, signal: AbortSignal): Request {
  const { method = "GET", url = "/", headers, rawHeaders } = message;
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) pairs.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
  const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
  const takesBody = hasBody && method !== "GET" && method !== "HEAD";
  try {
    return new Request(`http://${authorityOf(headers.host)}${url}`, {
      method,
      headers: pairs,
      signal,
      ...(takesBody && { body: body.stream() }),
    });
  } catch (error) {
    throw new InvalidRequestError(`Cannot accept request: ${(error as Error).message}`);
  }
}

/** The Host header where it is a plain one: it may be anything, and must not change what the target means. */
function authorityOf(host: string | undefined): string {
  return host !== undefined && /^([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?$/.test(host) ? host : "localhost";
}
