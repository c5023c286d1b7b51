/**
 * Runs the generations of a request and answers whole or as a stream.
 *
 * @module
 */
import type { Context } from "hono";
import type { GenerationRequest } from "../runtime/generation.ts";
import type { RouteContext } from "./context.ts";
import { abortWith, chunked, collect, type Indexed, type Output, runAll } from "./run.ts";
import { eventStream } from "./sse.ts";

/** How an endpoint words its answer. */
export interface Reply<Whole> {
  readonly stream: boolean;
  /** The body of an answer in one piece, from one output per request. */
  whole(outputs: readonly Output[]): Whole;
  /** The events of a stream. */
  events(chunks: AsyncIterable<Indexed<Output>>): AsyncGenerator<unknown>;
}

/** Runs `requests` until they end or the client leaves, whichever is first. */
export async function respond<Whole>(
  c: Context,
  context: RouteContext,
  requests: readonly GenerationRequest[],
  reply: Reply<Whole>,
): Promise<Response> {
  const abort = abortWith(c.req.raw.signal);
  const updates = runAll(context.generator, requests, abort);
  if (!reply.stream) return Response.json(reply.whole(await collect(updates, requests.length)));
  return await eventStream(reply.events(chunked(updates, context.streamInterval)), {
    abort,
    pingMs: context.pingMs,
    failed: (error) => context.report(error).body,
  });
}
