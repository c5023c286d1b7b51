/**
 * The real server as a process of its own.
 *
 * @module
 */
import { join } from "node:path";

const root = join(import.meta.dirname!, "..", "..");
const READY = "The server is fired up and ready to roll!";

/** How a process ended, with all it printed. */
export interface Exit {
  readonly code: number;
  readonly log: string;
}

/** How a server is started. */
export interface ServerOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** A shell command run in the server's process before it becomes the server, e.g. `ulimit -n 256`. */
  readonly before?: string;
  /** The Deno that runs it; this test's own if absent. */
  readonly program?: string;
}

/** A server with given flags, on a free port unless they name one. */
export class ServerProcess implements AsyncDisposable {
  /** Printed so far, one entry per line. */
  readonly log: string[] = [];
  /** How the process ends. */
  readonly exit: Promise<Exit>;
  readonly #child: Deno.ChildProcess;
  readonly #ready = Promise.withResolvers<void>();
  #isOver = false;

  private constructor(flags: readonly string[], options: ServerOptions = {}) {
    const { env = {}, before, program: deno = Deno.execPath() } = options;
    const port = flags.includes("--port") ? [] : ["--port", "0"];
    const command = [deno, "run", "-A", join(root, "serve.ts"), ...port, ...flags];
    const [program, ...args] = before === undefined
      ? command
      : ["sh", "-c", `${before} && exec "$@"`, "sh", ...command];
    this.#child = new Deno.Command(program!, {
      args,
      env,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.exit = this.#watch();
    this.#ready.promise.catch(() => {});
  }

  /**
   * Starts a server and waits until it is ready.
   *
   * @throws {Error} with its log if it ends instead
   */
  static async start(flags: readonly string[] = [], options: ServerOptions = {}): Promise<ServerProcess> {
    const server = new ServerProcess(flags, options);
    await server.#ready.promise;
    return server;
  }

  /** Starts a server and does not wait for it. */
  static launch(flags: readonly string[] = [], options: ServerOptions = {}): ServerProcess {
    return new ServerProcess(flags, options);
  }

  /** Starts a server that is expected to give up, and waits until it has. */
  static async startAndFail(flags: readonly string[], options: ServerOptions = {}): Promise<Exit> {
    await using server = new ServerProcess(flags, options);
    const isReady = await server.#ready.promise.then(() => true, () => false);
    if (isReady) throw new Error(`Cannot see ${flags.join(" ")} fail: the server is ready`);
    return await server.exit;
  }

  /** Address without a slash at its end. */
  get url(): string {
    const line = this.log.find((line) => line.includes("Listening on "));
    return /http:\S+/.exec(line ?? "")![0];
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves when a line of the log contains `text`; rejects if the process ends before. */
  async says(text: string): Promise<void> {
    const isOver = this.exit.then(() => true);
    while (!this.log.some((line) => line.includes(text))) {
      const pause = new Promise<false>((resolve) => setTimeout(() => resolve(false), 5));
      if (await Promise.race([isOver, pause]) && !this.log.some((line) => line.includes(text))) {
        throw new Error(`Cannot find ${text}: the server has ended\n${this.log.join("\n")}`);
      }
    }
  }

  /** Sends a signal to the process. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) this.#child.kill("SIGKILL");
    await this.exit;
  }

  async #watch(): Promise<Exit> {
    let rest = "";
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.log.push(...lines);
      if (lines.some((line) => line.endsWith(READY))) this.#ready.resolve();
    }
    const { code } = await this.#child.status;
    this.#isOver = true;
    const log = [...this.log, rest].join("\n");
    this.#ready.reject(new Error(`Cannot start server: it ended with ${code}\n${log}`));
    return { code, log };
  }
}
