/**
 * Events of an answer on web streams: server-sent events, or lines.
 *
 * @module
 */
import { openaiFraming, type StreamFraming } from "./framings.ts";

/** How a stream of events is sent. */
export interface EventStreamOptions {
  /** Aborted as soon as the client leaves or an event fails. */
  readonly abort: AbortController;
  /** Silence after which a ping keeps the connection alive, milliseconds. */
  readonly pingMs: number;
  /** How events are written; as OpenAI's API does if absent. */
  readonly framing?: StreamFraming;
  /** JSON of an event's data; `JSON.stringify` if absent. */
  readonly toJson?: (data: unknown) => string | Promise<string>;
  /** The data of the last events after a failure in mid-stream. */
  readonly failed: (error: unknown) => readonly unknown[];
}

const headers = { "Cache-Control": "no-cache", "X-Accel-Buffering": "no" };
const encoder = new TextEncoder();

/**
 * Sends each item as an event with its JSON, then what ends the stream. The response starts with the first event, so
 * that a failure before it still has its own status, or when nothing came for `pingMs`.
 *
 * @throws what `events` throws before the response started
 */
export async function eventStream(
  events: AsyncIterator<unknown>,
  options: EventStreamOptions,
): Promise<Response> {
  const { abort, pingMs, failed, framing = openaiFraming, toJson = JSON.stringify } = options;
  const ping = encoder.encode(framing.ping);
  let first: Promise<IteratorResult<unknown>> | undefined = events.next();
  const isSilent = await isSlower(first, pingMs);
  let sent = 0, left = false, timer: ReturnType<typeof setInterval> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(out) {
      // Empty where the format has no ping; an empty chunk might end the body.
      if (ping.length === 0) return;
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
          return out.enqueue(encoder.encode(framing.frame(await toJson(result.value), result.value)));
        }
      } catch (error) {
        clearInterval(timer);
        if (left) return;
        abort.abort();
        for (const event of failed(error)) {
          out.enqueue(encoder.encode(framing.frame(JSON.stringify(event), event)));
        }
      }
      clearInterval(timer);
      if (framing.end !== "") out.enqueue(encoder.encode(framing.end));
      out.close();
    },
    cancel() {
      clearInterval(timer);
      left = true;
      abort.abort();
    },
  });
  return new Response(body, { headers: { "Content-Type": framing.contentType, ...headers } });
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
