/**
 * Tells of a state that changes often, once a frame.
 *
 * @module
 */

/** Time after which a frame is not waited for, ms: a page in the background has none. */
const MAX_WAIT_MS = 250;

type Frames = {
  readonly requestAnimationFrame?: (draw: () => void) => number;
  readonly cancelAnimationFrame?: (frame: number) => void;
};

/** Calls a function once for all calls of `soon` of a frame. */
export class PerFrame {
  readonly #call: () => void;
  #cancel: (() => void) | undefined;

  constructor(call: () => void) {
    this.#call = call;
  }

  /** Has the function called with the next frame. */
  soon(): void {
    if (this.#cancel !== undefined) return;
    const { requestAnimationFrame, cancelAnimationFrame } = globalThis as Frames;
    const timer = setTimeout(() => this.now(), requestAnimationFrame === undefined ? 16 : MAX_WAIT_MS);
    const frame = requestAnimationFrame?.(() => this.now());
    this.#cancel = () => {
      clearTimeout(timer);
      if (frame !== undefined) cancelAnimationFrame?.(frame);
    };
  }

  /** Calls the function at once, in place of the call that was to come. */
  now(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#call();
  }
}
