/**
 * Turns of the event loop between the messages of actors that answer each other from microtasks.
 *
 * @module
 */
import { setImmediate } from "node:timers";

/**
 * A pause for {@linkcode Mailbox}: gives the event loop a turn when it had none for `ms` milliseconds, and before every
 * message if `ms` is 0.
 */
export function turnEvery(ms: number): () => Promise<void> | undefined {
  let lastTurn = -Infinity;
  return () => {
    if (performance.now() - lastTurn < ms) return undefined;
    return new Promise<void>((resolve) =>
      // A timer would fire 2 ms later.
      setImmediate(() => {
        lastTurn = performance.now();
        resolve();
      })
    );
  };
}
