/**
 * Output buffer: events of requests that the engine was not sent yet. A message to another thread, and all that follows from
 * it until a client has the text, costs about as much for some tokens as for one; where tokens come faster than they can be
 * shown, several go together.
 *
 * @module
 */
import type { Progressed } from "../messages/engine_scheduler.ts";
import type { SchedulingState } from "./state.ts";

/** Longest delay of a token, milliseconds: a frame of a display that shows 60 in a second. */
const MAX_DELAY_MS = 16;

/** What happened to one request. */
type RequestEvent = Progressed["events"][number];

/** Pending events, and whether they can be delayed. */
export class OutputBuffer {
  #pending: RequestEvent[] = [];
  #flushedAt = -Infinity;

  /** Adds events. */
  add(events: readonly RequestEvent[]): void {
    this.#pending.push(...events);
  }

  /**
   * Whether all pending events can be delayed until the next step is over: if that takes as long as the last one, it is
   * over within a frame, and no event is urgent.
   *
   * @param now in milliseconds
   * @param stepMs what the last step took
   */
  canDelay(state: SchedulingState, now: number, stepMs: number): boolean {
    return now - this.#flushedAt + stepMs <= MAX_DELAY_MS &&
      this.#pending.every((event) => isDelayable(state, event));
  }

  /** All pending events, as one message sent now; undefined if there are none. */
  flush(now: number): Progressed | undefined {
    if (this.#pending.length === 0) return undefined;
    const progressed: Progressed = { type: "progressed", events: this.#pending };
    this.#pending = [];
    this.#flushedAt = now;
    return progressed;
  }
}

/**
 * An event may be delayed if its request is still running and has no stop strings: a late stop match would waste decode
 * steps.
 */
function isDelayable({ sequences }: SchedulingState, { requestId }: RequestEvent): boolean {
  return sequences.get(requestId)?.sampling.stop.length === 0;
}
