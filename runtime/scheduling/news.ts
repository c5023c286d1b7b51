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
  #addedAt = -Infinity;

  /**
   * Adds what happened; returns everything untold, or undefined while it can wait for the next step. Nothing waits for
   * longer than a frame, and whoever must act on it hears at once.
   *
   * @param now in milliseconds
   * @param isFirst whether among it may be the first token of a request
   */
  add(
    state: SchedulingState,
    events: readonly RequestNews[],
    { now, isFirst }: { readonly now: number; readonly isFirst: boolean },
  ): Progressed | undefined {
    if (events.length === 0) return undefined;
    this.#untold.push(...events);
    // The next step is taken to be as long as this one.
    const isDue = now - this.#toldAt + now - this.#addedAt > MAX_DELAY_MS;
    this.#addedAt = now;
    if (!isDue && !isFirst && events.every((event) => canWait(state, event))) return undefined;
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
