/**
 * Ports for the fleet.
 *
 * @module
 */

/** `count` different ports of loopback that are free now. A restarted worker takes its port again. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
