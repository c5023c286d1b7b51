/**
 * The guardian of child processes: ends them should this process be killed. A child that is in the middle of something
 * endless does not notice that its parent is gone, and no other process would end it.
 *
 * @module
 */

/** Remembers the last line of process ids, and kills these processes when its input ends. */
const SCRIPT =
  `trap '' INT TERM HUP; while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -KILL $pids`;

const ENCODER = new TextEncoder();

/** A shell that outlives this process for as long as it takes to kill the children. */
export class Guardian {
  readonly #child: Deno.ChildProcess;
  readonly #lines: WritableStreamDefaultWriter<Uint8Array>;

  /** Starts the shell. */
  constructor() {
    this.#child = new Deno.Command("sh", {
      args: ["-c", SCRIPT],
      clearEnv: true,
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#lines = this.#child.stdin.getWriter();
    this.#lines.closed.catch(() => {});
  }

  /** Says which processes are to end with this one. */
  watch(pids: readonly number[]): void {
    this.#lines.write(ENCODER.encode(`${pids.join(" ")}\n`)).catch(() => {});
  }

  /** Ends the shell; what it still watches is killed. */
  async stop(): Promise<void> {
    await this.#lines.close().catch(() => {});
    await this.#child.status;
  }
}
