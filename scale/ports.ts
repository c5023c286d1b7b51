/**
 * Ports for the fleet.
 *
 * @module
 */

import { LoadError } from "../runtime/contracts/errors.ts";

/**
 * Makes sure that the router will be able to listen, before the workers have loaded their models for nothing.
 *
 * @throws {LoadError} if it will not
 */
export function checkListens(hostname: string, port: number): void {
  try {
    Deno.listen({ hostname, port }).close();
  } catch (error) {
    const reason = error instanceof Deno.errors.AddrInUse
      ? "the port is in use, choose another with --port"
      : (error as Error).message;
    throw new LoadError(`Cannot listen on ${hostname}:${port}: ${reason}`);
  }
}

/** `count` different ports of loopback that are free now. A restarted worker takes its port again. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
