/**
 * Server-sent events on web streams.
 *
 * @module
 */

/** How a stream of events is sent. */
export interface EventStreamOptions {
  /** Aborted as soon as the client leaves or an event fails. */
  readonly abort: AbortController;
  /** Silence after which a comment keeps the connection alive, milliseconds. */
  readonly pingMs: number;
  /** JSON of an event's data; `JSON.stringify` if absent. */
  readonly toJson?: (data: unknown) => string | Promise<string>;
  /** The data of the last event after a failure in mid-stream. */
  readonly failed: (error: unknown) => unknown;
}

const headers = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-cache",
  "X-Accel-Buffering": "no",
};
const encoder = new TextEncoder();
const ping = encoder.encode(": ping\n\n");
const done = encoder.encode("data: [DONE]\n\n");

/**
 * Sends each item as a `data:` line of JSON, then `data: [DONE]`. The response starts with the first event, so that
 * a failure before it still has its own status, or when nothing came for `pingMs`.
 *
 * @throws what `events` throws before the response started
 */
export async function eventStream(
  events: AsyncIterator<unknown>,
  options: EventStreamOptions,
): Promise<Response> {
  const { abort, pingMs, failed, toJson = JSON.stringify } = options;
  let first: Promise<IteratorResult<unknown>> | undefined = events.next();
  const isSilent = await isSlower(first, pingMs);
  let sent = 0, left = false, timer: ReturnType<typeof setInterval> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(out) {
      if (isSilent) out.enqueue(ping);
      // One timer for all of a stream: one an event would cost as much as the event. It cannot know when the last event
      // was, so it looks twice as often.
      let numSent = 0;
      timer = setInterval(() => {
        if (numSent === sent && (out.desiredSize ?? 0) > 0) out.enqueue(ping);
        numSent = sent;
      }, pingMs / 2);
    },
    async pull(out) {
      try {
        const result = await (first ?? events.next());
        first = undefined;
        if (!result.done) {
          sent++;
          return out.enqueue(toEvent(await toJson(result.value)));
        }
      } catch (error) {
        clearInterval(timer);
        if (left) return;
        abort.abort();
        out.enqueue(toEvent(JSON.stringify(failed(error))));
      }
      clearInterval(timer);
      out.enqueue(done);
      out.close();
    },
    cancel() {
      clearInterval(timer);
      left = true;
      abort.abort();
    },
  });
  return new Response(body, { headers });
}

function toEvent(json: string): Uint8Array {
  return encoder.encode(`data: ${json}\n\n`);
}

/** Whether `promise` takes longer than `ms` milliseconds; rejects with it if it does before. */
async function isSlower(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<true>((resolve) => timer = setTimeout(() => resolve(true), ms));
  try {
    return await Promise.race([promise.then(() => false), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
