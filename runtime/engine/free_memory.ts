/**
 * Reads how much memory this process may still take: what the host has available, or what is left in its control
 * group if that is less. Neither Deno nor Node has the latter: `process.constrainedMemory()` is the group's limit,
 * whatever is used of it, and `process.availableMemory()` is the host's.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import process from "node:process";

/** Memory that can be had, and who bounds it. */
export interface FreeMemory {
  readonly bytes: number;
  readonly boundBy: "host" | "cgroup";
}

/** What {@linkcode readFreeMemory} reads from; tests put their own. */
export interface MemorySources {
  /** Bytes the host can give without swapping. */
  readonly hostBytes: () => number;
  /** Text of a file under `/proc` or `/sys`, undefined if it cannot be read. */
  readonly readText: (path: string) => string | undefined;
}

const SYSTEM: MemorySources = {
  hostBytes: () => process.availableMemory(),
  readText(path) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
};

/** How a version of control groups names its files; `cache` is what the kernel gives back when memory is short. */
interface Hierarchy {
  readonly root: string;
  readonly limit: string;
  readonly usage: string;
  readonly cache: RegExp;
}

const V1: Hierarchy = {
  root: "/sys/fs/cgroup/memory",
  limit: "memory.limit_in_bytes",
  usage: "memory.usage_in_bytes",
  cache: /^total_inactive_file (\d+)$/m,
};
const V2: Hierarchy = {
  root: "/sys/fs/cgroup",
  limit: "memory.max",
  usage: "memory.current",
  cache: /^inactive_file (\d+)$/m,
};

/** The memory that this process may still take. */
export function readFreeMemory(sources: MemorySources = SYSTEM): FreeMemory {
  const hostBytes = sources.hostBytes();
  const groupBytes = Math.min(...groupsOf(sources).map((group) => bytesLeft(group, sources)));
  return groupBytes < hostBytes
    ? { bytes: groupBytes, boundBy: "cgroup" }
    : { bytes: hostBytes, boundBy: "host" };
}

interface Group {
  readonly hierarchy: Hierarchy;
  readonly folder: string;
}

/** This process's memory group and all above it, each of which may have a limit. */
function groupsOf({ readText }: MemorySources): Group[] {
  const lines = (readText("/proc/self/cgroup") ?? "").split("\n");
  return lines.flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) return [];
    const hierarchy = controllers === "" ? V2 : controllers!.split(",").includes("memory") ? V1 : undefined;
    if (hierarchy === undefined) return [];
    // Inside a container the path may be the host's: then only the mount itself is there, which is the container's.
    const names = path.split("/").filter((name) => name !== "" && name !== "..");
    return names.reduce((folders, name) => [...folders, `${folders.at(-1)}/${name}`], [hierarchy.root])
      .map((folder) => ({ hierarchy, folder }));
  });
}

/** Bytes until a group's limit; infinitely many if it has none. */
function bytesLeft({ hierarchy, folder }: Group, { readText }: MemorySources): number {
  const read = (name: string) => readText(`${folder}/${name}`);
  const limit = Number(read(hierarchy.limit)), usage = Number(read(hierarchy.usage));
  if (!Number.isFinite(limit) || !Number.isFinite(usage)) return Infinity;
  const cache = Number(hierarchy.cache.exec(read("memory.stat") ?? "")?.[1] ?? 0);
  return Math.max(0, limit - Math.max(0, usage - cache));
}
