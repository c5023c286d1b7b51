/**
 * One request and its answer.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { errorResponse, toErrorReply } from "../routes/answers/errors.ts";
import { LINGER_MS } from "./refusal.ts";
import { sendReply } from "./reply.ts";
import { checkHead, cutShort, IncomingBody, toRequest } from "./request.ts";

/** Facts about a request that it does not carry itself. */
export interface RequestEnv {
  /** Address of the client, without port. */
  readonly clientAddress: string;
}

/** A way to answer one request. */
export type Handler = (request: Request, env: RequestEnv) => Response | Promise<Response>;

/** A request that is being answered. */
export class Exchange {
  readonly body: IncomingBody;
  /** Resolves when the answer is sent or its connection is closed. */
  readonly closed: Promise<void>;
  readonly #message: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #abort = new AbortController();
  #hasLeft = false;
  #isClosed = false;

  /** `awaitsContinue`: the client sends its body only after a `100 Continue`. */
  constructor(message: IncomingMessage, res: ServerResponse, awaitsContinue: boolean) {
    this.#message = message;
    this.#res = res;
    this.body = new IncomingBody(message, () => {
      if (awaitsContinue && !res.headersSent) res.writeContinue();
    });
    // Errors of the connection also end it, which is all that counts.
    message.on("error", () => {});
    res.on("error", () => {});
    this.closed = new Promise((resolve) => {
      res.once("close", () => {
        this.#isClosed = true;
        if (!res.writableFinished) this.leave();
        this.body.fail(cutShort());
        resolve();
      });
    });
  }

  /** Whether a part of the answer is out. */
  get hasBegun(): boolean {
    return this.#res.headersSent;
  }

  /** Aborts the request's signal, when the client takes no answer any more or is treated as gone. */
  leave(): void {
    this.#hasLeft = true;
    this.#abort.abort();
  }

  /**
   * Closes the exchange with its connection, also if its turn to answer never came, which node:http does not report.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#res.destroy();
    this.#res.emit("close");
  }

  /**
   * Has `handler` answer and sends the answer.
   *
   * @param isLast asked when the answer is there: whether the connection is closed after it
   * @throws what `handler` throws, once the client has been answered 500
   */
  async run(handler: Handler, isLast: () => boolean): Promise<void> {
    let failure: unknown;
    const response = await this.#respond(handler).catch((error) => {
      failure = error;
      return errorResponse(toErrorReply(error));
    });
    await this.#send(response, isLast());
    if (failure !== undefined) throw failure;
  }

  async #respond(handler: Handler): Promise<Response> {
    let request: Request;
    try {
      checkHead(this.#message);
      request = toRequest(this.#message, this.body, this.#abort.signal);
    } catch (error) {
      return errorResponse(toErrorReply(error));
    }
    const { method } = request;
    // Discards the body, which no handler of GET or HEAD reads: unread bytes would hide the end of the connection.
    if (method === "GET" || method === "HEAD") this.body.discard();
    return await handler(request, { clientAddress: this.#message.socket.remoteAddress ?? "" });
  }

  async #send(response: Response, isLast: boolean): Promise<void> {
    const res = this.#res;
    if (this.#isClosed) {
      await response.body?.cancel();
      return;
    }
    // True if the body is incomplete: its rest would be parsed as the next request.
    const isCut = !this.body.isComplete;
    if (isLast || isCut || this.#hasLeft) res.shouldKeepAlive = false;
    await sendReply(response, res);
    if (isCut && !this.#message.socket.readableEnded) await this.#linger();
    res.end();
  }

  /** Lets the client read the answer before the connection is closed under what it still sends. */
  async #linger(): Promise<void> {
    this.#res.flushHeaders();
    this.body.discard();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, LINGER_MS));
    const complete = new Promise<void>((resolve) => this.#message.once("end", resolve));
    const gone = new Promise<void>((resolve) => this.#message.socket.once("end", resolve));
    await Promise.race([late, complete, gone, this.closed]);
    clearTimeout(timer);
  }
}
