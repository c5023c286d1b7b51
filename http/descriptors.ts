/**
 * How many connections the limit of open files leaves room for.
 *
 * @module
 */

/** Descriptors kept for model files, pipes, libraries and child processes. */
const RESERVE = 100;
const MIN_CONNECTIONS = 16;
/** Connections at most. A higher limit would protect nothing, since a connection costs only some ten kilobytes. */
const MAX_CONNECTIONS = 4096;
/** The usual limit, where the system does not say. */
const USUAL_LIMIT = 1024;

/** Connections at once under this process's limit of open files. */
export function defaultMaxConnections(): number {
  return Math.max(MIN_CONNECTIONS, Math.min(MAX_CONNECTIONS, maxDescriptors() - RESERVE));
}

function maxDescriptors(): number {
  try {
    const [, limit] = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits")) ?? [];
    // Deno has raised the soft limit to the hard one.
    return Number(limit ?? MAX_CONNECTIONS + RESERVE);
  } catch {
    return USUAL_LIMIT;
  }
}
