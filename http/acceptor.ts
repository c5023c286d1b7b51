/**
 * The listening socket. On Deno, node:http stops accepting for good, and says nothing, once the process has met its
 * limit of descriptors; so somebody connects now and then and looks whether it is accepted.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { LoadError } from "../runtime/errors.ts";

const MAX_HEADER_BYTES = 16 * 1024;
/** Connections that wait in the kernel, at most. */
const BACKLOG = 1024;
/** Between two looks at whether connections are accepted, in milliseconds; also the shortest time between two log lines. */
const LOOK_MS = 1000;
/** Looks between two trials where nothing is suspicious. */
const LOOKS_BETWEEN_TRIALS = 10;
/** Looks after which a trial that was not accepted has failed. */
const LOOKS_OF_TRIAL = 2;

/** What an acceptor is told and whom it tells. */
export interface AcceptorOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Time for the whole head of a request, in milliseconds. */
  readonly headersMs: number;
  /** Time a connection may wait for its next request, in milliseconds. */
  readonly keepAliveMs: number;
  readonly log: (level: "warning", text: string) => void;
  /** A client has connected. */
  accepted(socket: Socket): void;
  /** The head of a request has come. */
  requested(message: IncomingMessage, res: ServerResponse, awaitsContinue: boolean): void;
  /** What came cannot be read. */
  failed(error: Error, socket: Socket): void;
  /** A tunnel is asked for. */
  tunnelled(socket: Socket): void;
  /** The listening socket is about to be replaced. */
  replacing(): void;
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
  #numLooks = 0;
  #isTrying = false;
  #isSuspicious = false;
  #isClosed = false;
  #trial: Socket | undefined;

  private constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
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

  /** There are so many connections that the limit of descriptors may have been met. */
  suspect(): void {
    this.#isSuspicious = true;
  }

  /** Stops listening; connections stay open. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#trial?.destroy();
    this.#server?.close();
  }

  #listen(port: number): Promise<Server> {
    const { host, headersMs, keepAliveMs, failed, requested, tunnelled } = this.#options;
    const server = createServer({
      headersTimeout: headersMs,
      keepAliveTimeout: keepAliveMs,
      // It also ran while an answer was streamed, and cut it (denoland/deno 35289).
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(1000, headersMs / 4),
      maxHeaderSize: MAX_HEADER_BYTES,
      // An event leaves at once.
      noDelay: true,
    });
    // Else a client that closes its side is cut off before it is answered that its body is incomplete.
    Object.assign(server, { httpAllowHalfOpen: true });
    server.on("connection", (socket) => {
      this.#numAccepted++;
      this.#options.accepted(socket);
    });
    server.on("request", (message, res) => requested(message, res, false));
    server.on("checkContinue", (message, res) => requested(message, res, true));
    server.on("clientError", (error, socket) => failed(error, socket as Socket));
    server.on("connect", (_, socket) => tunnelled(socket as Socket));
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.off("error", reject);
        server.on("error", (error) => this.#warn(error));
        resolve(server);
      });
    });
  }

  /** Looks whether connections are accepted: others' or, if none came for a while, its own. */
  #look(): void {
    if (this.#server === undefined) return;
    this.#numLooks++;
    if (this.#numAccepted !== this.#numAcceptedBefore) {
      this.#numAcceptedBefore = this.#numAccepted;
      if (this.#isTrying) this.#isSuspicious = false;
      this.#isTrying = false;
      this.#numLooks = 0;
    } else if (this.#isTrying && this.#numLooks >= LOOKS_OF_TRIAL) {
      void this.#replace();
    } else if (!this.#isTrying && (this.#isSuspicious || this.#numLooks >= LOOKS_BETWEEN_TRIALS)) {
      this.#try();
    }
  }

  #try(): void {
    this.#isTrying = true;
    this.#numLooks = 0;
    const socket = connect({ host: reachable(this.#options.host), port: this.port });
    socket.once("connect", () => socket.destroy());
    socket.once("error", (error: Error & { readonly code?: string }) => {
      this.#isTrying = false;
      // The last socket could not be replaced.
      if (error.code === "ECONNREFUSED") return void this.#replace();
      // Without a descriptor for it nothing is known.
      this.#isSuspicious = true;
      this.#warn(error);
    });
    this.#trial = socket;
  }

  /** Opens another listening socket in place of the one that accepts nothing. */
  async #replace(): Promise<void> {
    if (this.#isClosed) return;
    this.#warn(new Error("the listening socket gave up, probably for too many open files; listening again"));
    const old = this.#server;
    this.#server = undefined;
    this.#isTrying = false;
    this.#trial?.destroy();
    this.#options.replacing();
    await new Promise<void>((resolve) => {
      old?.close();
      setTimeout(resolve, LOOK_MS / 10);
    });
    const opened = await this.#listen(this.port).catch((error) => this.#warn(error));
    // If it failed, the next look finds the old one closed, and tries again.
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
