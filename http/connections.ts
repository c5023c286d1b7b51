/**
 * Open connections: their limit, and which of them are stalled or idle.
 *
 * @module
 */
import type { Socket } from "node:net";
import { AerieError, UnavailableError } from "../runtime/contracts/errors.ts";
import type { Exchange } from "./exchange.ts";
import { refuseOn } from "./refusal.ts";
import { cutShort } from "./request.ts";

/** Requests of one connection that may be under way at once: clients that pipeline have a few. */
const MAX_PIPELINED = 32;
/** Refused connections that are answered 503 at once; more are closed without an answer, since each holds a descriptor. */
const MAX_REFUSALS = 16;

/** Limits of connections. */
export interface ConnectionLimits {
  /** Connections at once. */
  readonly maxConnections: number;
  /** Silence in the middle of a body, or of a reader whose answer waits, in milliseconds. */
  readonly stallMs: number;
  /** From an answer to the whole head of the next request, in milliseconds. */
  readonly pauseMs: number;
}

/** One connection of a client. */
export class Connection {
  readonly #socket: Socket;
  readonly #exchanges = new Set<Exchange>();
  /** When the client closed its side. */
  #endedAt: number | undefined;
  #bytesRead = 0;
  #readAt = performance.now();
  #bytesFlushed = 0;
  #flushedAt = performance.now();
  /** When the last answer was sent; undefined before the first. */
  #answeredAt: number | undefined;
  #isLast = false;

  /** Wraps an accepted socket. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("end", () => this.#end());
    socket.once("close", () => {
      for (const exchange of this.#exchanges) exchange.close();
    });
  }

  /** Whether it is closed after the answers that are under way. */
  get isLast(): boolean {
    return this.#isLast || this.#endedAt !== undefined;
  }

  /** Whether a request is under way. */
  get isBusy(): boolean {
    return this.#exchanges.size > 0;
  }

  /** Whether a part of an answer is out, so that no other may be written. */
  get isAnswering(): boolean {
    return [...this.#exchanges].some(({ hasBegun }) => hasBegun);
  }

  /**
   * Adds a request to the connection until the request is closed. With too many, closes the connection and returns
   * false.
   */
  add(exchange: Exchange): boolean {
    this.#readAt = performance.now();
    this.#exchanges.add(exchange);
    exchange.closed.then(() => {
      this.#exchanges.delete(exchange);
      this.#answeredAt = performance.now();
      if (this.#isLast && !this.isBusy) this.#socket.destroySoon();
    });
    const fits = this.#exchanges.size <= MAX_PIPELINED;
    if (!fits) this.destroy();
    return fits;
  }

  /** Closes the connection once the requests under way are answered. */
  finish(): void {
    this.#isLast = true;
  }

  /** Closes the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * Ends the connection if it stalls for too long: a body that does not go on, an answer that is not read, a long
   * pause.
   */
  check(now: number, { stallMs, pauseMs }: ConnectionLimits): void {
    const { bytesRead, bytesWritten, writableLength } = this.#socket;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#readAt = now;
    }
    if (now - this.#readAt > stallMs) {
      const seconds = stallMs / 1000;
      for (const { body } of this.#exchanges) {
        body.fail(new AerieError("request_timeout", `Cannot read body: no byte came for ${seconds} s`));
      }
    }
    // node:http takes any byte for the end of a pause, also such as begin no request.
    if (!this.isBusy && now - (this.#answeredAt ?? now) > pauseMs) return this.destroy();
    // The handler's signal was aborted when the client left: it should be done.
    if (now - (this.#endedAt ?? now) > stallMs) return this.destroy();
    const bytesFlushed = bytesWritten - writableLength;
    if (writableLength === 0 || bytesFlushed !== this.#bytesFlushed) {
      this.#bytesFlushed = bytesFlushed;
      this.#flushedAt = now;
    } else if (now - this.#flushedAt > stallMs) {
      this.destroy();
    }
  }

  /**
   * Treats a client that closes its side as gone. One that closed only its sending side still gets the answers under
   * way.
   */
  #end(): void {
    this.#endedAt = performance.now();
    if (this.#exchanges.size === 0) this.#socket.end();
    for (const exchange of this.#exchanges) {
      const { body } = exchange;
      // The handler that reads the body gets the error from it, and may still answer that it is incomplete.
      if (body.isComplete || !body.isAwaited) exchange.leave();
      if (!body.isComplete) body.fail(cutShort());
    }
  }
}

/** All connections of a listener. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #bySocket = new Map<Socket, Connection>();
  readonly #timer: ReturnType<typeof setInterval>;
  #numRefused = 0;

  /** Starts looking after connections. */
  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
    const periodMs = Math.min(1000, limits.stallMs / 4);
    this.#timer = setInterval(() => {
      const now = performance.now();
      for (const connection of this.#bySocket.values()) connection.check(now, limits);
    }, periodMs);
  }

  /** Connections that are open. */
  get size(): number {
    return this.#bySocket.size;
  }

  /** Accepts a socket. With too many connections, closes it and returns false. */
  accept(socket: Socket): boolean {
    // A socket that fails also closes.
    socket.on("error", () => {});
    if (this.#bySocket.size >= this.#limits.maxConnections) {
      this.#refuse(socket);
      return false;
    }
    this.#bySocket.set(socket, new Connection(socket));
    socket.once("close", () => this.#bySocket.delete(socket));
    return true;
  }

  /** The connection of a socket; undefined if it was refused or is closed. */
  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  /** Closes connections without a request under way. */
  closeUnused(): void {
    for (const connection of this.#bySocket.values()) if (!connection.isBusy) connection.destroy();
  }

  /** Closes all connections and stops looking after them. */
  close(): void {
    clearInterval(this.#timer);
    for (const connection of this.#bySocket.values()) connection.destroy();
  }

  #refuse(socket: Socket): void {
    if (this.#numRefused >= MAX_REFUSALS) return void socket.destroy();
    this.#numRefused++;
    socket.once("close", () => this.#numRefused--);
    refuseOn(socket, new UnavailableError(`Cannot accept connection: ${this.size} are open`));
  }
}
