/**
 * What processes of this machine are and do, read from `/proc`.
 *
 * @module
 */

/** A process as its parent's children show it. */
export interface Process {
  readonly pid: number;
  /** One letter, e.g. `R` running, `S` sleeping, `Z` ended but not waited for. */
  readonly state: string;
  readonly command: string;
}

/** The children of a process, zombies included. */
export function childrenOf(parent: number): Process[] {
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isInteger);
  return pids.flatMap((pid) => {
    try {
      // The name in parentheses may have blanks of its own.
      const [state, ppid] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ").at(-1)!.split(" ");
      if (Number(ppid) !== parent) return [];
      const command = Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
      return [{ pid, state: state!, command }];
    } catch {
      return [];
    }
  });
}

/** Waits until none of `pids` is a process any more; false if that takes longer than five seconds. */
export async function areGone(pids: readonly number[]): Promise<boolean> {
  for (const deadline = Date.now() + 5000; Date.now() < deadline;) {
    if (!pids.some(isAlive)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
