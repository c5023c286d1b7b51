/**
 * Finds out at start whether more threads help: on shared or hyper-threaded CPUs they may not.
 *
 * @module
 */

/** A setting must be this much faster than a larger number of threads to be preferred. */
const CLEARLY_FASTER = 0.95;
/** Forwards per setting; the fastest counts, since others on the machine only ever slow one down. */
const NUM_TRIALS = 6;

/**
 * The number of threads, of `max` and its halvings, at which a forward is fastest; more threads win a near tie.
 * `measureMs` runs one forward with so many threads and returns its time.
 */
export function chooseThreads(max: number, measureMs: (threads: number) => number): number {
  let best = max, bestMs = fastest(max, measureMs);
  for (let threads = max >> 1; threads >= 1; threads >>= 1) {
    const ms = fastest(threads, measureMs);
    if (ms < bestMs * CLEARLY_FASTER) [best, bestMs] = [threads, ms];
  }
  return best;
}

function fastest(threads: number, measureMs: (threads: number) => number): number {
  measureMs(threads); // warms caches
  return Math.min(...Array.from({ length: NUM_TRIALS }, () => measureMs(threads)));
}
