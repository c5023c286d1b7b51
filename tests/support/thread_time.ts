/**
 * What a server's HTTP thread does between two answers: its CPU time, which other processes do not lengthen.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { ServerProcess } from "./server_process.ts";

/** CPU time of the thread that runs the server's HTTP side, ms: the process's first one. */
function httpThreadMs(pid: number): number {
  return Number(Deno.readTextFileSync(`/proc/${pid}/task/${pid}/schedstat`).split(" ")[0]) / 1e6;
}

/**
 * Longest CPU time, ms, that the HTTP thread spent between a question to /health and its answer, while `attack` runs:
 * no other client is served meanwhile. `onAnswer` is called after each answer, and the next question comes after a
 * pause.
 */
export async function longestTurnMs(
  { url, pid }: ServerProcess,
  attack: () => Promise<unknown>,
  { pauseMs = 2, onAnswer }: { readonly pauseMs?: number; readonly onAnswer?: () => void } = {},
): Promise<number> {
  let longest = 0, isOver = false;
  const watch = async () => {
    while (!isOver) {
      const before = httpThreadMs(pid);
      const response = await fetch(`${url}/health`);
      await response.body?.cancel();
      assert.equal(response.status, 200);
      onAnswer?.();
      longest = Math.max(longest, httpThreadMs(pid) - before);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
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
