/**
 * Vitals of a server, what it holds, read from outside: `/proc` and its own counters. Attacks compare it before and
 * after.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { ServerProcess } from "./server_process.ts";

/** What must come back to where it was once all clients are gone. */
export interface Vitals {
  readonly numDescriptors: number;
  readonly numThreads: number;
  readonly rssBytes: number;
  readonly numRunning: number;
  readonly numWaiting: number;
  /** Pages that no request holds: free ones and those only the radix cache has. */
  readonly numIdlePages: number;
  /** Forwards since the start; a clock that does not depend on the machine's speed. */
  readonly numSteps: number;
}

/** Reads the vitals of a server that runs on this machine. */
export async function vitalsOf(server: ServerProcess): Promise<Vitals> {
  const { pid, url } = server;
  const response = await fetch(`${url}/get_server_info`, { headers: { Connection: "close" } });
  const { internal_states: [state] } = await response.json();
  return {
    numDescriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    numThreads: statusNumber(pid, "Threads"),
    rssBytes: rssBytes(server),
    numRunning: state["num_running"],
    numWaiting: state["num_waiting"],
    numIdlePages: state["num_free_pages"] + state["num_evictable_pages"],
    numSteps: state["num_steps"],
  };
}

/**
 * Polls until `condition` holds, and returns the vitals that it holds for.
 *
 * @throws {assert.AssertionError} with the last vitals after 20 s
 */
export async function seen(server: ServerProcess, condition: (now: Vitals) => boolean): Promise<Vitals> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const now = await vitalsOf(server);
    if (condition(now)) return now;
    assert(Date.now() < deadline, `Not seen: ${condition}, but ${JSON.stringify(now)}`);
  }
}

/**
 * Waits until a server is back to `before`: nothing runs or waits, no page is held, descriptors and threads are given
 * back up to a few that pools keep, then until RSS has grown by less than `maxGrowthBytes`. Garbage counts as memory
 * until V8 collects it, which it does in a server that has been idle for some ten seconds, so nobody asks it meanwhile:
 * after the texts of `blocking_test.ts` RSS is 147 MB larger, and 39 MB once it was left alone.
 *
 * @throws {assert.AssertionError} with both vitals if that does not happen within ten seconds, forty for memory
 */
export async function assertRecovered(
  server: ServerProcess,
  before: Vitals,
  { maxGrowthBytes = 128 << 20 }: { readonly maxGrowthBytes?: number } = {},
): Promise<void> {
  let deadline = Date.now() + 10_000;
  for (;;) {
    const now = await vitalsOf(server);
    const hasRecovered = now.numRunning === 0 && now.numWaiting === 0 &&
      now.numIdlePages === before.numIdlePages &&
      now.numDescriptors <= before.numDescriptors + 4 &&
      now.numThreads <= before.numThreads + 4;
    if (hasRecovered) break;
    assert(Date.now() < deadline, `Not recovered: ${JSON.stringify({ before, now })}`);
    await sleep(50);
  }
  deadline = Date.now() + 40_000;
  for (;;) {
    const growth = rssBytes(server) - before.rssBytes;
    if (growth <= maxGrowthBytes) return;
    assert(Date.now() < deadline, `RSS grew from ${before.rssBytes} by ${growth} bytes`);
    await sleep(500);
  }
}

/** What the process has in memory, without asking it. */
function rssBytes({ pid }: ServerProcess): number {
  return statusNumber(pid, "VmRSS") * 1024;
}

/** A number of `/proc/PID/status`. */
function statusNumber(pid: number, name: string): number {
  return Number(
    new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1],
  );
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
