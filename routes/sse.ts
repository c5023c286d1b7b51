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
  const { abort, pingMs, failed } = options;
  let next: Promise<IteratorResult<unknown>> | undefined = events.next();
  await within(pingMs, next);
  let left = false;
  const body = new ReadableStream<Uint8Array>({
    async pull(out) {
      try {
        next ??= events.next();
        const result = await within(pingMs, next);
        if (result === undefined) return out.enqueue(ping);
        next = undefined;
        if (!result.done) return out.enqueue(toEvent(result.value));
      } catch (error) {
        if (left) return;
        abort.abort();
        out.enqueue(toEvent(failed(error)));
      }
      out.enqueue(done);
      out.close();
    },
    cancel() {
      left = true;
      abort.abort();
    },
  });
  return new Response(body, { headers });
}

function toEvent(data: unknown): Uint8Array {
  return encoder.encode(`data: ${JSON.stringify(data)}\n\n`);
}

/** Resolves like `promise`, or with undefined after `ms` milliseconds. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), ms));
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
