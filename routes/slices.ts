/**
 * Cuts long work of the HTTP thread into slices, between which others get their turn.
 *
 * @module
 */

/** Longest slice, ms: streams and signals wait this long at most. */
const sliceMs = 10;

/** Work under way. */
export class Slices {
  #startMs = performance.now();

  /** To be awaited every now and then: lets others work if this has worked for long enough. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#startMs < sliceMs) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#startMs = performance.now();
  }
}
