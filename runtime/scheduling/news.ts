/**
 * When requests hear of their tokens. A message to another thread, and all that follows from it until a client has the
 * text, costs about as much for some tokens as for one; where tokens come faster than they can be shown, several go
 * together.
 *
 * @module
 */
import type { Progressed } from "../messages/engine_scheduler.ts";
import type { SchedulingState } from "./state.ts";

/** How long a token may be kept: a frame of a display that shows 60 in a second. */
const MAX_DELAY_MS = 16;

/** What one request hears. */
type RequestNews = Progressed["events"][number];

/** News that nobody was told yet. */
export class News {
  #untold: RequestNews[] = [];
  #toldAt = -Infinity;

  /** Adds what happened. */
  add(events: readonly RequestNews[]): void {
    this.#untold.push(...events);
  }

  /**
   * Whether everything untold can wait for the next step: that is over before a frame is, if it takes as long as this one,
   * and nobody must act on what happened.
   *
   * @param now in milliseconds
   * @param stepMs what the step took
   */
  canWait(state: SchedulingState, now: number, stepMs: number): boolean {
    return now - this.#toldAt + stepMs <= MAX_DELAY_MS &&
      this.#untold.every((event) => mayBeLate(state, event));
  }

  /** Everything untold, as told now; undefined if there is nothing. */
  take(now: number): Progressed | undefined {
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
function mayBeLate({ sequences }: SchedulingState, { requestId }: RequestNews): boolean {
  return sequences.get(requestId)?.sampling.stop.length === 0;
}
