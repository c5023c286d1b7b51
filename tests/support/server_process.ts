/**
 * The real server as a process of its own.
 *
 * @module
 */
import { join } from "node:path";
import { type Exit, LoggedProcess } from "./logged_process.ts";

const root = join(import.meta.dirname!, "..", "..");
const READY = "The server is fired up and ready to roll!";

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
export class ServerProcess extends LoggedProcess implements AsyncDisposable {
  private constructor(flags: readonly string[], options: ServerOptions = {}) {
    const { env, before, program = Deno.execPath() } = options;
    const port = flags.includes("--port") ? [] : ["--port", "0"];
    const command = [program, "run", "-A", join(root, "serve.ts"), ...port, ...flags];
    super(before === undefined ? command : ["sh", "-c", `${before} && exec "$@"`, "sh", ...command], env);
  }

  /**
   * Starts a server and waits until it is ready.
   *
   * @throws {Error} with its log if it ends instead
   */
  static async start(flags: readonly string[] = [], options: ServerOptions = {}): Promise<ServerProcess> {
    const server = new ServerProcess(flags, options);
    await server.says(READY);
    return server;
  }

  /** Starts a server and does not wait for it. */
  static launch(flags: readonly string[] = [], options: ServerOptions = {}): ServerProcess {
    return new ServerProcess(flags, options);
  }

  /** Starts a server that is expected to give up, and waits until it has. */
  static async startAndFail(flags: readonly string[], options: ServerOptions = {}): Promise<Exit> {
    await using server = new ServerProcess(flags, options);
    const isReady = await server.says(READY).then(() => true, () => false);
    if (isReady) throw new Error(`Cannot see ${flags.join(" ")} fail: the server is ready`);
    return await server.exit;
  }

  /** Address without a slash at its end. */
  get url(): string {
    const line = this.log.find((line) => line.includes("Listening on "));
    return /http:\S+/.exec(line ?? "")![0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.exit;
  }
}
