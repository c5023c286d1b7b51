/**
 * `scale.ts` as a process of its own, and whether this machine has the router for it.
 *
 * @module
 */
import { join } from "node:path";
import { hasRouter, routerPython } from "../../scale/environment.ts";
import { routers } from "../../scale/router.ts";

const root = join(import.meta.dirname!, "..", "..");

/**
 * What a test of the router needs: spread it into the test's options. Without smg (`AERIE_SMG`, or what `deno task
 * scale` installed) a test is ignored, but in CI it runs and fails.
 */
export async function needsRouter(): Promise<{ ignore: boolean }> {
  const isThere = await hasRouter(routerPython(routers.smg), routers.smg);
  return { ignore: !isThere && !Deno.env.get("CI") };
}

/** A fleet on free ports. */
export class ScaleProcess implements AsyncDisposable {
  /** Printed so far, one entry per line. */
  readonly log: string[] = [];
  /** Exit code. */
  readonly exit: Promise<number>;
  readonly #child: Deno.ChildProcess;

  /** Starts it; {@linkcode ScaleProcess.says} waits. */
  constructor(flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", join(root, "scale.ts"), "--port", "0", ...flags],
      env,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.exit = this.#watch();
  }

  /** Starts one and waits until its router sends requests to all workers. */
  static async start(
    flags: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<ScaleProcess> {
    const fleet = new ScaleProcess(flags, env);
    try {
      await fleet.says(/Ready: /);
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
    return fleet;
  }

  /** Address of the router. */
  get url(): string {
    return /Ready: (\S+)/.exec(this.log.join("\n"))![1]!;
  }

  /** Process and address of what has run under `name` at last, and how often it was started. */
  latest(name: string): { readonly pid: number; readonly url: string; readonly numStarts: number } {
    const pattern = new RegExp(`^\\[scale\\] ${name} is process (\\d+) at (\\S+)$`);
    const starts = this.log.flatMap((line) => pattern.exec(line) ?? []);
    return { pid: Number(starts.at(-2)), url: starts.at(-1)!, numStarts: starts.length / 3 };
  }

  /** Waits for a line; rejects if the process ends before. */
  async says(pattern: RegExp): Promise<string> {
    const isOver = this.exit.then(() => true);
    for (;;) {
      const line = this.log.find((line) => pattern.test(line));
      if (line !== undefined) return line;
      const pause = new Promise<false>((resolve) => setTimeout(() => resolve(false), 10));
      if (await Promise.race([isOver, pause]) && !this.log.some((line) => pattern.test(line))) {
        throw new Error(`Cannot find ${pattern} in\n${this.log.join("\n")}`);
      }
    }
  }

  /** Sends it a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Twice: what runs is cut.
    for (let i = 0; i < 2; i++) {
      try {
        this.#child.kill("SIGTERM");
      } catch {
        break;
      }
    }
    await this.exit;
  }

  async #watch(): Promise<number> {
    let rest = "";
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.log.push(...lines);
    }
    return (await this.#child.status).code;
  }
}
