/**
 * Processes whose standard error is a log.
 *
 * @module
 */

/** How a process ended, with all it printed. */
export interface Exit {
  readonly code: number;
  readonly log: string;
}

/** A process that runs, and what it says. */
export class LoggedProcess {
  /** Printed so far, one entry per line. */
  readonly log: string[] = [];
  /** How the process ends. */
  readonly exit: Promise<Exit>;
  readonly #child: Deno.ChildProcess;
  #isOver = false;
  /** Resolves with the next lines, or the end. */
  #progress = Promise.withResolvers<void>();

  /** Starts a command, with `env` added to the environment, in the folder `cwd`. */
  constructor([program, ...args]: readonly string[], env: Readonly<Record<string, string>> = {}, cwd = ".") {
    this.#child = new Deno.Command(program!, {
      args,
      env,
      cwd,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.exit = this.#watch();
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves with the first line of the log that contains `text`; rejects if the process ends before. */
  async says(text: string): Promise<string> {
    for (;;) {
      const line = this.log.find((line) => line.includes(text));
      if (line !== undefined) return line;
      if (this.#isOver) {
        const { code, log } = await this.exit;
        throw new Error(`Cannot find ${text}: the process has ended with ${code}\n${log}`);
      }
      await this.#progress.promise;
    }
  }

  /** Sends a signal to the process, unless it has ended. */
  kill(signal: Deno.Signal): void {
    try {
      if (!this.#isOver) this.#child.kill(signal);
    } catch {
      // It ended just now.
    }
  }

  async #watch(): Promise<Exit> {
    let rest = "";
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.log.push(...lines);
      this.#progress.resolve();
      this.#progress = Promise.withResolvers();
    }
    const { code } = await this.#child.status;
    this.#isOver = true;
    this.#progress.resolve();
    return { code, log: [...this.log, rest].join("\n") };
  }
}
