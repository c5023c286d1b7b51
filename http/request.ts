/**
 * From a message of node:http to a web Request.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { setImmediate } from "node:timers";
import { AerieError, InvalidRequestError } from "../runtime/contracts/errors.ts";

/** Chunks of a body that may be of any size, bytes that every further one has to bring, and chunks taken at a time. */
const FREE_CHUNKS = 10_000, MIN_CHUNK_BYTES = 64, CHUNKS_PER_TURN = 1000;

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
  if (httpVersionMajor !== 1) throwInvalidRequest(`HTTP/${message.httpVersion} is not spoken here`);
  if (!url.startsWith("/")) throwInvalidRequest("the target does not begin with a slash");
  const numHosts = rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === "host").length;
  if (numHosts > 1) throwInvalidRequest(`there are ${numHosts} Host headers`);
  const encoding = headers["transfer-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "chunked") {
    throwInvalidRequest(`transfer encoding ${encoding.slice(0, 100)} is not supported`);
  }
}

/** The error for a method that nothing here takes. */
export function methodRefusal(method: string): AerieError {
  return new AerieError("method_not_allowed", `Cannot accept method ${method}`, {
    allow: METHODS.join(", "),
  });
}

function throwInvalidRequest(reason: string): never {
  throw new InvalidRequestError(`Cannot accept request: ${reason}`);
}

/** The body of a message: read only once a handler asks for it, and then no faster than the handler reads. */
export class IncomingBody {
  /** Whether a handler reads and the end has not come. */
  isAwaited = false;
  readonly #message: IncomingMessage;
  readonly #begin: () => void;
  /** The error that ends the body before it is complete; set even before a handler reads. */
  #failure: AerieError | undefined;
  #out: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  /** Chunks that came since the last flush. */
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  #numChunks = 0;
  #numBytes = 0;
  /** Chunks of this turn of the event loop. */
  #numOfTurn = 0;
  #isPaused = false;
  /** True if the body came in so many and so small chunks that it is refused. */
  #isExcessive = false;

  /** `begin` runs before the first byte is read: it sends the `100 Continue` that a client may wait for. */
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
        if (!this.#isPaused) this.#message.resume();
      },
      cancel: () => {
        this.isAwaited = false;
        this.#out = undefined;
      },
    }, { highWaterMark: 0 });
  }

  /** Reads and forgets what still comes, so that the end of the connection is noticed. */
  discard(): void {
    if (this.#isExcessive) return;
    this.#message.on("data", (chunk: Uint8Array) => this.#count(chunk));
    if (!this.#isPaused) this.#message.resume();
  }

  /** Ends reading with an error, now or once it begins, unless all has come. */
  fail(error: AerieError): void {
    if (this.isComplete && !this.isAwaited) return;
    this.isAwaited = false;
    this.#failure ??= error;
    this.#out?.error(error);
    this.#out = undefined;
  }

  /**
   * Lets others have their turn: a chunk of one byte costs as much as one of thousands, and the parser goes on for as long
   * as the client sends.
   */
  #count({ length }: Uint8Array): void {
    if (this.#isExcessive) return;
    const { socket } = this.#message;
    this.#numBytes += length;
    if (++this.#numChunks > FREE_CHUNKS + this.#numBytes / MIN_CHUNK_BYTES) {
      this.#isExcessive = true;
      // No answer: to send it, the rest would have to be read.
      socket.destroy();
      const size = `${this.#numChunks} chunks for ${this.#numBytes} bytes`;
      return this.fail(new InvalidRequestError(`Cannot read body: it comes in ${size}`, "body"));
    }
    if (++this.#numOfTurn < CHUNKS_PER_TURN || this.#isPaused) return;
    this.#isPaused = true;
    this.#message.pause();
    socket.pause();
    setImmediate(() => {
      this.#numOfTurn = 0;
      this.#isPaused = false;
      if (this.#isExcessive) return;
      socket.resume();
      this.#message.resume();
    });
  }

  /** Hands on what one read of the socket brought, which may be thousands of chunks of a byte each. */
  #flush(): void {
    const parts = this.#parts.splice(0);
    if (parts.length === 0 || this.#out === undefined) return;
    this.#out.enqueue(parts.length === 1 ? parts[0]! : concat(parts));
    this.#message.pause();
  }

  #start(out: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    if (this.#failure !== undefined) return out.error(this.#failure);
    const message = this.#message;
    this.#out = out;
    this.isAwaited = true;
    this.#begin();
    message.on("data", (chunk: Uint8Array<ArrayBuffer>) => {
      if (this.#out === undefined) return;
      this.#count(chunk);
      if (this.#parts.push(chunk) === 1) queueMicrotask(() => this.#flush());
    });
    message.once("end", () => {
      this.#flush();
      this.isAwaited = false;
      this.#out?.close();
      this.#out = undefined;
    });
    message.once("close", () => this.fail(cutShort()));
  }
}

function concat(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The error of a body that ends before it is complete. */
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
