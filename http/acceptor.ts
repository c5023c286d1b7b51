/**
 * The listening socket. On Deno, node:http stops accepting for good, and says nothing, once the process has met its
 * limit of descriptors; so the acceptor probes it: it connects to itself now and then and looks whether that is accepted.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { LoadError } from "../runtime/contracts/errors.ts";

const MAX_HEADER_BYTES = 16 * 1024;
/** Connections that wait in the kernel, at most. */
const BACKLOG = 1024;
/** Between two checks whether connections are accepted, in milliseconds; also the shortest time between two log lines. */
const CHECK_MS = 1000;
/** Checks between two probes while nothing is suspicious. */
const CHECKS_BETWEEN_PROBES = 10;
/** Checks after which a probe that was not accepted has failed. */
const CHECKS_PER_PROBE = 2;

/** Address and time limits of a listening socket, and the handler of its events. */
export interface AcceptorOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Time for the whole head of a request, in milliseconds. */
  readonly headersMs: number;
  /** Time a connection may wait for its next request, in milliseconds. */
  readonly keepAliveMs: number;
  readonly log: (level: "warning", text: string) => void;
  /** Called when a client has connected. */
  onConnection(socket: Socket): void;
  /** Called when the head of a request has arrived. */
  onRequest(message: IncomingMessage, res: ServerResponse, awaitsContinue: boolean): void;
  /** Called when the parser cannot read what a client sent. */
  onClientError(error: Error, socket: Socket): void;
  /** Called when a client asks for a tunnel, by the method CONNECT. */
  onTunnel(socket: Socket): void;
  /** Called before the listening socket is replaced. */
  onReplace(): void;
}

/** Accepts connections until it is closed. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Undefined while another is being opened. */
  #server: Server | undefined;
  #address!: AddressInfo;
  #numAccepted = 0;
  #numAcceptedBefore = 0;
  #numChecks = 0;
  #isProbing = false;
  #isSuspicious = false;
  #isClosed = false;
  #probeSocket: Socket | undefined;

  private constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
  }

  /** @throws {LoadError} if the address cannot be had */
  static async open(options: AcceptorOptions): Promise<Acceptor> {
    const acceptor = new Acceptor(options);
    const { host, port } = options;
    try {
      acceptor.#server = await acceptor.#listen(port);
    } catch (error) {
      clearInterval(acceptor.#timer);
      const { code, message } = error as Error & { readonly code?: string };
      const reason = code === "EADDRINUSE" ? "the port is in use, choose another with --port" : message;
      throw new LoadError(`Cannot listen on ${host}:${port}: ${reason}`);
    }
    acceptor.#address = acceptor.#server.address() as AddressInfo;
    return acceptor;
  }

  /** Port it listens on. */
  get port(): number {
    return this.#address.port;
  }

  /** Reports that there are so many connections that the limit of descriptors may have been reached. */
  suspect(): void {
    this.#isSuspicious = true;
  }

  /** Stops listening; connections stay open. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#probeSocket?.destroy();
    this.#server?.close();
  }

  #listen(port: number): Promise<Server> {
    const { host, headersMs, keepAliveMs, onClientError, onRequest, onTunnel } = this.#options;
    const server = createServer({
      headersTimeout: headersMs,
      keepAliveTimeout: keepAliveMs,
      // Off: the timeout also runs while an answer is streamed, and cuts it (denoland/deno 35289).
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(1000, headersMs / 4),
      maxHeaderSize: MAX_HEADER_BYTES,
      // Events of a stream are sent at once, without Nagle's delay.
      noDelay: true,
    });
    // Half-open connections are kept: otherwise a client that closes its side is cut off before the answer that its
    // body is incomplete.
    Object.assign(server, { httpAllowHalfOpen: true });
    server.on("connection", (socket) => {
      this.#numAccepted++;
      this.#options.onConnection(socket);
    });
    server.on("request", (message, res) => onRequest(message, res, false));
    server.on("checkContinue", (message, res) => onRequest(message, res, true));
    server.on("clientError", (error, socket) => onClientError(error, socket as Socket));
    server.on("connect", (_, socket) => onTunnel(socket as Socket));
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.off("error", reject);
        server.on("error", (error) => this.#warn(error));
        resolve(server);
      });
    });
  }

  /**
   * Checks whether connections are accepted: by the connections of clients or, if none came for a while, by a probe.
   */
  #check(): void {
    if (this.#server === undefined) return;
    this.#numChecks++;
    if (this.#numAccepted !== this.#numAcceptedBefore) {
      this.#numAcceptedBefore = this.#numAccepted;
      if (this.#isProbing) this.#isSuspicious = false;
      this.#isProbing = false;
      this.#numChecks = 0;
    } else if (this.#isProbing && this.#numChecks >= CHECKS_PER_PROBE) {
      void this.#replace();
    } else if (!this.#isProbing && (this.#isSuspicious || this.#numChecks >= CHECKS_BETWEEN_PROBES)) {
      this.#probe();
    }
  }

  #probe(): void {
    this.#isProbing = true;
    this.#numChecks = 0;
    const socket = connect({ host: reachable(this.#options.host), port: this.port });
    socket.once("connect", () => socket.destroy());
    socket.once("error", (error: Error & { readonly code?: string }) => {
      this.#isProbing = false;
      // The last socket could not be replaced.
      if (error.code === "ECONNREFUSED") return void this.#replace();
      // The probe got no descriptor, so it shows nothing; the next one comes sooner.
      this.#isSuspicious = true;
      this.#warn(error);
    });
    this.#probeSocket = socket;
  }

  /** Opens another listening socket in place of the one that accepts nothing. */
  async #replace(): Promise<void> {
    if (this.#isClosed) return;
    this.#warn(new Error("the listening socket gave up, probably for too many open files; listening again"));
    const old = this.#server;
    this.#server = undefined;
    this.#isProbing = false;
    this.#probeSocket?.destroy();
    this.#options.onReplace();
    await new Promise<void>((resolve) => {
      old?.close();
      setTimeout(resolve, CHECK_MS / 10);
    });
    const opened = await this.#listen(this.port).catch((error) => this.#warn(error));
    // If it failed, the next probe finds the old one closed, and replaces it again.
    this.#server = opened ?? old;
    this.#isSuspicious = true;
    if (this.#isClosed) opened?.close();
  }

  #warn({ message }: Error): void {
    this.#options.log("warning", `Cannot accept connections: ${message}`);
  }
}

/** The address by which this machine reaches a host it listens on. */
export function reachable(host: string): string {
  return host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
}
