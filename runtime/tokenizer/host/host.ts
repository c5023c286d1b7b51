/**
 * One tokenizer host as the server sees it: a child process that answers one request at a time and can be killed.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { InvalidRequestError, LoadError, type WireError } from "../../contracts/errors.ts";
import { FrameReader, type HostReply } from "./frames.ts";

const ENTRY = fileURLToPath(new URL("./host_process.ts", import.meta.url));

/**
 * The program of a host: this process's own file, also after an upgrade of Deno has removed or replaced it, when
 * `Deno.execPath()` names a file that is not there.
 */
const PROGRAM = Deno.build.os === "linux" ? `/proc/${Deno.pid}/exe` : Deno.execPath();

/** Where Deno finds its cache; nothing else of the environment reaches a host. */
const ENVIRONMENT = ["DENO_DIR", "HOME", "XDG_CACHE_HOME"];

/** Heap of a host beyond what its tokenizer needs: enough for the largest body. */
const HEAP_MB = 512;

/** Time a host has to start and to build its tokenizer. */
const BUILD_MS = 30_000;
/** Time it has for a first short text. */
const FIRST_TEXT_MS = 1500;

/** A host that did not answer: it took too long, or its process ended. It is gone. */
export class HostLostError extends Error {
  /** How the process ended; undefined: it was killed because time was up. */
  readonly status: Deno.CommandStatus | undefined;

  constructor(status?: Deno.CommandStatus) {
    super(status === undefined ? "time is up" : `its process ended with ${status.signal ?? status.code}`);
    this.status = status;
  }
}

/** A child process with a tokenizer. */
export class Host {
  /** Process id. */
  readonly pid: number;
  /** How the process ended. */
  readonly exited: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;
  /** The request that is being answered. */
  #pending: PromiseWithResolvers<Int32Array> | undefined;
  /** How the process ended, before {@linkcode Host.exited} says so. */
  #status: Deno.CommandStatus | undefined;
  #onBuilt: () => void = () => {};

  /** Starts the process. `loadFrame` is the frame it is to load its tokenizer by. */
  constructor(loadFrame: Uint8Array) {
    const heapMb = HEAP_MB + Math.ceil(8 * loadFrame.length / 2 ** 20);
    this.#child = new Deno.Command(PROGRAM, {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        "--cached-only",
        `--v8-flags=--max-old-space-size=${heapMb}`,
        ENTRY,
      ],
      clearEnv: true,
      env: environment(),
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.pid = this.#child.pid;
    this.#requests = this.#child.stdin.getWriter();
    // That the process has ended is known by its status; errors of writing to it do not matter.
    this.#requests.closed.catch(() => {});
    this.exited = this.#readReplies();
  }

  /**
   * Waits until the tokenizer is built and has tokenized a first text.
   *
   * @throws {LoadError} if it cannot be built, or that takes too long or too much memory
   */
  async load(loadFrame: Uint8Array, path: string): Promise<void> {
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
      await this.#send(loadFrame);
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
      return await this.#send(frame);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process, whatever it does. */
  kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }

  #send(frame: Uint8Array): Promise<Int32Array> {
    if (this.#status !== undefined) return Promise.reject(new HostLostError(this.#status));
    const pending = this.#pending = Promise.withResolvers<Int32Array>();
    this.#requests.write(frame).catch(() => {});
    return pending.promise;
  }

  #giveUp(): void {
    this.#pending?.reject(new HostLostError());
    this.#pending = undefined;
    this.kill();
  }

  async #readReplies(): Promise<Deno.CommandStatus> {
    const replies = new FrameReader<HostReply>();
    try {
      for await (const piece of this.#child.stdout) {
        for (const { head, tokens } of replies.push(piece)) this.#onReply(head, tokens);
      }
    } catch {
      // What breaks the pipe, or is no frame, ends the host as well.
      this.kill();
    }
    this.#status = await this.#child.status;
    this.#pending?.reject(new HostLostError(this.#status));
    this.#pending = undefined;
    await this.#requests.close().catch(() => {});
    return this.#status;
  }

  #onReply(reply: HostReply, tokens: Int32Array): void {
    if (reply.type === "built") return this.#onBuilt();
    const pending = this.#pending;
    this.#pending = undefined;
    if (reply.type === "tokens") pending?.resolve(tokens);
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

function environment(): Record<string, string> {
  const values = ENVIRONMENT.map((name) => [name, Deno.env.get(name)] as const);
  return Object.fromEntries(
    values.filter((entry): entry is readonly [string, string] => entry[1] !== undefined),
  );
}
