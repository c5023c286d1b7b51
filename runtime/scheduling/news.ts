/**
 * When requests hear of their tokens. A message to another thread, and all that follows from it until a client has the
 * text, costs about as much for some tokens as for one; where tokens come faster than they can be shown, several go
 * together.
 *
 * @module
 */
import type { Progressed } from "../messages.ts";
import type { SchedulingState } from "./state.ts";

/** How long a token may be kept: a frame of a display that shows 60 in a second. */
const MAX_DELAY_MS = 16;

/** What one request hears. */
export type RequestNews = Progressed["events"][number];

/** News that nobody was told yet. */
export class News {
  #untold: RequestNews[] = [];
  #toldAt = -Infinity;

  /**
   * Adds what a step yielded; returns everything untold, or undefined if all of it can wait for the next step: that is
   * over before a frame is, if it takes as long as this one, and nobody must act on what happened.
   *
   * @param now in milliseconds
   * @param stepMs what the step took
   * @param isUrgent whether nothing of it can wait
   */
  add(
    state: SchedulingState,
    events: readonly RequestNews[],
    { now, stepMs, isUrgent }: { readonly now: number; readonly stepMs: number; readonly isUrgent: boolean },
  ): Progressed | undefined {
    this.#untold.push(...events);
    const isDue = isUrgent || now - this.#toldAt + stepMs > MAX_DELAY_MS;
    return isDue || !events.every((event) => canWait(state, event)) ? this.all(now) : undefined;
  }

  /** Everything untold; undefined if there is nothing. */
  all(now: number): Progressed | undefined {
    if (this.#untold.length === 0) return undefined;
    const progressed: Progressed = { type: "progressed", events: this.#untold };
    this.#untold = [];
    this.#toldAt = now;
    return progressed;
  }
}

/**
 * Whether nothing depends on it: the request goes on, and no text may end it, for then each step that it is not told is
 * one too many.
 */
function canWait({ sequences }: SchedulingState, { requestId }: RequestNews): boolean {
  return sequences.get(requestId)?.sampling.stop.length === 0;
}
