/**
 * What a server's HTTP thread does between two answers: its CPU time, which other processes do not lengthen.
 *
 * @module
 */
import type { ServerProcess } from "./server_process.ts";

/** CPU time of the thread that runs the server's HTTP side, ms: the process's first one. */
function httpThreadMs(pid: number): number {
  return Number(Deno.readTextFileSync(`/proc/${pid}/task/${pid}/schedstat`).split(" ")[0]) / 1e6;
}

/**
 * Longest CPU time, ms, that the HTTP thread spent between a question to /health and its answer, while `attack` runs:
 * so long nobody else was heard.
 */
export async function longestTurnMs(
  { url, pid }: ServerProcess,
  attack: () => Promise<unknown>,
): Promise<number> {
  let longest = 0, isOver = false;
  const watch = async () => {
    while (!isOver) {
      const before = httpThreadMs(pid);
      await (await fetch(`${url}/health`)).body?.cancel();
      longest = Math.max(longest, httpThreadMs(pid) - before);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const watching = watch();
  try {
    await attack();
  } finally {
    isOver = true;
    await watching;
  }
  return longest;
}
