/**
 * A host as the process that started it sees it: a child Deno process without permissions that exchanges frames and can
 * be killed.
 *
 * @module
 */
import { FrameReader, frameStart } from "./frames.ts";

/**
 * The program of a host: this process's own file, also after an upgrade of Deno has removed or replaced it, when
 * `Deno.execPath()` names a file that is not there.
 */
const PROGRAM = Deno.build.os === "linux" ? `/proc/${Deno.pid}/exe` : Deno.execPath();

/** Where Deno finds its cache; nothing else of the environment reaches a host. */
const ENVIRONMENT = ["DENO_DIR", "HOME", "XDG_CACHE_HOME"];

/** A host that did not answer: it took too long, or its process ended. It is gone. */
export class HostLostError extends Error {
  /** How the process ended; undefined: it was killed because time was up. */
  readonly status: Deno.CommandStatus | undefined;

  constructor(status?: Deno.CommandStatus) {
    super(status === undefined ? "time is up" : `its process ended with ${status.signal ?? status.code}`);
    this.status = status;
  }
}

/** How a host is started. */
export interface HostChildOptions<Reply> {
  /** Path of the module that it runs. */
  readonly entry: string;
  /** Size that its JavaScript heap may have. */
  readonly heapMb: number;
  /** Takes its replies. */
  readonly onReply: (reply: Reply, body: Uint8Array<ArrayBuffer>) => void;
}

/** A child process that answers frames with frames. */
export class HostChild<Reply> {
  /** Process id. */
  readonly pid: number;
  /** How the process ended; after its last reply. */
  readonly exited: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;
  readonly #onReply: HostChildOptions<Reply>["onReply"];
  #status: Deno.CommandStatus | undefined;

  /** Starts the process. */
  constructor({ entry, heapMb, onReply }: HostChildOptions<Reply>) {
    this.#child = new Deno.Command(PROGRAM, {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        "--cached-only",
        `--v8-flags=--max-old-space-size=${heapMb}`,
        entry,
      ],
      clearEnv: true,
      env: environment(),
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.pid = this.#child.pid;
    this.#onReply = onReply;
    this.#requests = this.#child.stdin.getWriter();
    // That the process has ended is known by its status; errors of writing to it do not matter.
    this.#requests.closed.catch(() => {});
    this.exited = this.#readReplies();
  }

  /** How the process ended, before {@linkcode HostChild.exited} says so; undefined: it runs. */
  get status(): Deno.CommandStatus | undefined {
    return this.#status;
  }

  /** Sends a request; one to a process that has ended goes nowhere. `body` is not to be changed afterwards. */
  send(head: unknown, body: Uint8Array = new Uint8Array(0)): void {
    this.#requests.write(frameStart(head, body.length)).catch(() => {});
    if (body.length > 0) this.#requests.write(body).catch(() => {});
  }

  /** Sends a frame that was written before. */
  sendFrame(frame: Uint8Array): void {
    this.#requests.write(frame).catch(() => {});
  }

  /** Ends the process, whatever it does. */
  kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }

  async #readReplies(): Promise<Deno.CommandStatus> {
    const replies = new FrameReader<Reply>();
    try {
      for await (const piece of this.#child.stdout) {
        for (const { head, body } of replies.push(piece)) this.#onReply(head, body);
      }
    } catch {
      // What breaks the pipe, or is no frame, ends the host as well.
      this.kill();
    }
    this.#status = await this.#child.status;
    await this.#requests.close().catch(() => {});
    return this.#status;
  }
}

function environment(): Record<string, string> {
  const values = ENVIRONMENT.map((name) => [name, Deno.env.get(name)] as const);
  return Object.fromEntries(
    values.filter((entry): entry is readonly [string, string] => entry[1] !== undefined),
  );
}
