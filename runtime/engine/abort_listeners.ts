/**
 * What is to be done when a signal aborts, by signal. A signal looks through all its listeners whenever one is added or
 * removed, which for the thousand generations of a batch takes longer than starting them.
 *
 * @module
 */

interface Waiting {
  readonly actions: Set<() => void>;
  readonly run: () => void;
}

/** One listener per signal, however many actions. */
export class AbortListeners {
  readonly #waiting = new WeakMap<AbortSignal, Waiting>();

  /** Runs `action` once when `signal` aborts, at once if it has; not after {@linkcode AbortListeners.off}. */
  on(signal: AbortSignal, action: () => void): void {
    if (signal.aborted) return action();
    let waiting = this.#waiting.get(signal);
    if (waiting === undefined) {
      const actions = new Set<() => void>();
      waiting = { actions, run: () => actions.forEach((action) => action()) };
      this.#waiting.set(signal, waiting);
      signal.addEventListener("abort", waiting.run, { once: true });
    }
    waiting.actions.add(action);
  }

  /** Takes an action back. */
  off(signal: AbortSignal, action: () => void): void {
    const waiting = this.#waiting.get(signal);
    if (waiting === undefined || !waiting.actions.delete(action) || waiting.actions.size > 0) return;
    signal.removeEventListener("abort", waiting.run);
    this.#waiting.delete(signal);
  }
}
