/**
 * One tokenizer host as the server sees it: a child process that answers one request at a time and can be killed.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { InvalidRequestError, LoadError, type WireError } from "../../contracts/errors.ts";
import { HostChild, HostLostError } from "../../processes/host_child.ts";
import type { HostReply, HostRequest } from "./messages.ts";

const ENTRY = fileURLToPath(new URL("./host_process.ts", import.meta.url));

/** Heap of a host beyond what its tokenizer needs: enough for the largest body. */
const HEAP_MB = 512;

/** Time a host has to start and to build its tokenizer. */
const BUILD_MS = 30_000;
/** Time it has for a first short text. */
const FIRST_TEXT_MS = 1500;

/** A child process with a tokenizer. */
export class Host {
  /** Process id. */
  readonly pid: number;
  /** How the process ended. */
  readonly exited: Promise<Deno.CommandStatus>;
  readonly #child: HostChild<HostReply>;
  readonly #definition: Uint8Array;
  /** The request that is being answered. */
  #pending: PromiseWithResolvers<Int32Array> | undefined;
  #onBuilt: () => void = () => {};

  /** Starts the process, which is to load the tokenizer of a definition. */
  constructor(definition: Uint8Array) {
    this.#definition = definition;
    this.#child = new HostChild({
      entry: ENTRY,
      heapMb: HEAP_MB + Math.ceil(8 * definition.length / 2 ** 20),
      onReply: (reply, body) => this.#onReply(reply, body),
    });
    this.pid = this.#child.pid;
    this.exited = this.#child.exited.then((status) => {
      this.#pending?.reject(new HostLostError(status));
      this.#pending = undefined;
      return status;
    });
  }

  /**
   * Waits until the tokenizer is built and has tokenized a first text.
   *
   * @throws {LoadError} if it cannot be built, or that takes too long or too much memory
   */
  async load(path: string): Promise<void> {
    const built = Promise.withResolvers<void>();
    this.#onBuilt = built.resolve;
    let part = "building its tokenizer", limitMs = BUILD_MS;
    let timer = setTimeout(() => this.#giveUp(), limitMs);
    void built.promise.then(() => {
      clearTimeout(timer);
      [part, limitMs] = ["tokenizing a first short text", FIRST_TEXT_MS];
      timer = setTimeout(() => this.#giveUp(), limitMs);
    });
    try {
      await this.#pend(() => this.#child.send({ type: "load" } satisfies HostRequest, this.#definition));
    } catch (error) {
      if (!(error instanceof HostLostError)) throw error;
      throw new LoadError(
        `Cannot load ${path}: ${part} ` +
          (error.status === undefined
            ? `took longer than ${limitMs / 1000} s`
            : `ended its process: out of memory?`),
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Tokens for a request in frame form. One request at a time.
   *
   * @throws {HostLostError} if it takes longer than `timeoutMs` or the process ends; the host is gone then
   */
  async ask(frame: Uint8Array, timeoutMs: number): Promise<Int32Array> {
    const timer = setTimeout(() => this.#giveUp(), timeoutMs);
    try {
      return await this.#pend(() => this.#child.sendFrame(frame));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process, whatever it does. */
  kill(): void {
    this.#child.kill();
  }

  #pend(send: () => void): Promise<Int32Array> {
    if (this.#child.status !== undefined) return Promise.reject(new HostLostError(this.#child.status));
    const pending = this.#pending = Promise.withResolvers<Int32Array>();
    send();
    return pending.promise;
  }

  #giveUp(): void {
    this.#pending?.reject(new HostLostError());
    this.#pending = undefined;
    this.kill();
  }

  #onReply(reply: HostReply, { buffer }: Uint8Array<ArrayBuffer>): void {
    if (reply.type === "built") return this.#onBuilt();
    const pending = this.#pending;
    this.#pending = undefined;
    if (reply.type === "tokens") pending?.resolve(new Int32Array(buffer));
    else pending?.reject(toError(reply.error));
  }
}

/** The error as the same code would throw it in this process. */
function toError({ code, message, details }: WireError): Error {
  if (code === "cannot_load") return new LoadError(message);
  const { param, problem } = details;
  return new InvalidRequestError(
    message,
    typeof param === "string" ? param : undefined,
    problem === "context_length" ? problem : undefined,
  );
}
