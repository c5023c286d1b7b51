/**
 * Listener: the HTTP side of the server. The handler changes as the server starts and shuts down; the socket stays.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Acceptor, reachable } from "./acceptor.ts";
import { Connections } from "./connections.ts";
import { defaultMaxConnections } from "./descriptors.ts";
import { Exchange, type Handler } from "./exchange.ts";
import { isLate, type ParserError, refusalOf, refuseOn } from "./refusal.ts";
import { methodRefusal } from "./request.ts";

export type { Handler, RequestEnv } from "./exchange.ts";

/** Options of {@linkcode Listener.open}. */
export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Connections at once; see {@linkcode defaultMaxConnections}. */
  readonly maxConnections: number;
  /** Seconds for the whole head of a request. */
  readonly timeoutHeaders: number;
  /** Seconds without a byte in a body, or without one that the reader of a waiting answer takes. */
  readonly timeoutBody: number;
  /** Seconds a connection may wait for its next request. */
  readonly timeoutKeepAlive: number;
  readonly log: (level: "warning" | "error", text: string) => void;
}

/** A socket that answers HTTP requests. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #connections: Connections;
  readonly #inFlight = new Set<Promise<void>>();
  /** From this many connections on, the limit of open files is near, whatever `maxConnections` says. */
  readonly #numSuspicious = defaultMaxConnections();
  #acceptor!: Acceptor;
  #handler: Handler;
  #isDraining = false;

  private constructor(options: ListenerOptions, handler: Handler) {
    this.#options = options;
    this.#handler = handler;
    const { maxConnections, timeoutHeaders, timeoutBody, timeoutKeepAlive } = options;
    this.#connections = new Connections({
      maxConnections,
      stallMs: timeoutBody * 1000,
      pauseMs: (timeoutKeepAlive + timeoutHeaders) * 1000,
    });
  }

  /**
   * Listens, and answers with `handler`.
   *
   * @throws {LoadError} if the address cannot be had
   */
  static async open(options: ListenerOptions, handler: Handler): Promise<Listener> {
    const listener = new Listener(options, handler);
    try {
      listener.#acceptor = await Acceptor.open({
        host: options.host,
        port: options.port,
        headersMs: options.timeoutHeaders * 1000,
        keepAliveMs: options.timeoutKeepAlive * 1000,
        log: options.log,
        onConnection: (socket) => listener.#accept(socket),
        onRequest: (...request) => void listener.#answer(...request),
        onClientError: (error, socket) => listener.#refuse(error, socket),
        onTunnel: (socket) => refuseOn(socket, methodRefusal("CONNECT")),
        // A closed server no longer bounds the time for the head of a request.
        onReplace: () => listener.#connections.closeUnused(),
      });
    } catch (error) {
      listener.#connections.close();
      throw error;
    }
    return listener;
  }

  /** Address without a slash at its end. */
  get url(): string {
    return this.#urlOf(this.#options.host);
  }

  /** Where this process reaches itself. */
  get ownUrl(): string {
    return this.#urlOf(reachable(this.#options.host));
  }

  /** Requests whose answers are not all sent. */
  get numInFlight(): number {
    return this.#inFlight.size;
  }

  /** Connections that are open. */
  get numConnections(): number {
    return this.#connections.size;
  }

  /** Answers requests from now on with `handler`. */
  answerWith(handler: Handler): void {
    this.#handler = handler;
  }

  /**
   * Closes every connection after its next answer from now on. New ones are still answered, and idle ones stay: a
   * request may be on its way.
   */
  drain(): void {
    this.#isDraining = true;
  }

  /** Resolves when the answers now under way are sent. */
  async idle(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  /** Stops listening and closes what is open once all answers are sent. */
  async close(): Promise<void> {
    this.drain();
    this.#acceptor.close();
    await this.idle();
    this.#connections.close();
  }

  #accept(socket: Socket): void {
    const isAccepted = this.#connections.accept(socket);
    if (!isAccepted || this.#connections.size >= this.#numSuspicious) this.#acceptor.suspect();
  }

  async #answer(message: IncomingMessage, res: ServerResponse, awaitsContinue: boolean): Promise<void> {
    const connection = this.#connections.of(message.socket);
    if (connection === undefined) return;
    const exchange = new Exchange(message, res, awaitsContinue);
    const ended = exchange.closed.then(() => void this.#inFlight.delete(ended));
    this.#inFlight.add(ended);
    if (!connection.add(exchange)) return;
    try {
      await exchange.run(this.#handler, () => this.#isDraining || connection.isLast);
    } catch (error) {
      this.#options.log("error", `Cannot answer ${message.method}: ${(error as Error)?.stack ?? error}`);
      res.destroy();
    }
  }

  #refuse(error: ParserError, socket: Socket): void {
    const refusal = refusalOf(error), connection = this.#connections.of(socket);
    // The next request is late, but the one before is not to blame.
    if (isLate(error) && connection?.isBusy) return connection.finish();
    const isAnswering = connection?.isAnswering === true;
    if (refusal === undefined || isAnswering || !socket.writable) return void socket.destroy();
    refuseOn(socket, refusal.error, refusal.status);
  }

  #urlOf(host: string): string {
    return `http://${host.includes(":") ? `[${host}]` : host}:${this.#acceptor.port}`;
  }
}
