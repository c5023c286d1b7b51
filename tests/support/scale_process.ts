/**
 * `scale.ts` as a process of its own, and whether this machine has the router for it.
 *
 * @module
 */
import { join } from "node:path";
import { hasRouter, routerPython } from "../../scale/environment.ts";
import { routers } from "../../scale/router.ts";
import { LoggedProcess } from "./logged_process.ts";

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
export class ScaleProcess extends LoggedProcess implements AsyncDisposable {
  /** Starts it; `says("Ready: ")` waits for it. */
  constructor(flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
    super([Deno.execPath(), "run", "-A", join(root, "scale.ts"), "--port", "0", ...flags], env);
  }

  /** Starts one and waits until its router sends requests to all workers. */
  static async start(
    flags: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<ScaleProcess> {
    const fleet = new ScaleProcess(flags, env);
    try {
      await fleet.says("Ready: ");
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

  async [Symbol.asyncDispose](): Promise<void> {
    // Twice: what runs is cut.
    for (let i = 0; i < 2; i++) this.kill("SIGTERM");
    await this.exit;
  }
}
