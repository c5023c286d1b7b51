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

  /** Starts a command, with `env` added to the environment. */
  constructor([program, ...args]: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = new Deno.Command(program!, {
      args,
      env,
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
    const isOver = this.exit.then(() => true);
    for (;;) {
      const line = this.log.find((line) => line.includes(text));
      if (line !== undefined) return line;
      const pause = new Promise<false>((resolve) => setTimeout(() => resolve(false), 5));
      if (await Promise.race([isOver, pause]) && !this.log.some((line) => line.includes(text))) {
        const { code, log } = await this.exit;
        throw new Error(`Cannot find ${text}: the process has ended with ${code}\n${log}`);
      }
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
    }
    const { code } = await this.#child.status;
    this.#isOver = true;
    return { code, log: [...this.log, rest].join("\n") };
  }
}
