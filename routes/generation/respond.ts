/**
 * Runs the generations of a request and answers whole or as a stream.
 *
 * @module
 */
import type { Context } from "hono";
import type { GenerationRequest } from "../../runtime/contracts/generation.ts";
import { releaseBody } from "../gate/body.ts";
import { clientOf } from "./client_address.ts";
import type { RouteContext } from "./context.ts";
import { originOf } from "./request_origin.ts";
import { abortWith, chunked, collect, type Indexed, type Output, runAll } from "./run.ts";
import type { ErrorReply } from "../answers/errors.ts";
import type { StreamFraming } from "../answers/framings.ts";
import { jsonResponse, Slices, toJson } from "../answers/slices.ts";
import { eventStream } from "../answers/sse.ts";

/** The formatter of an endpoint: outputs as the body of an answer, or as events of a stream. */
export interface Formatter<Whole> {
  readonly stream: boolean;
  /** The body of an answer in one piece, from one output per request. */
  whole(outputs: readonly Output[], slices: Slices): Whole | Promise<Whole>;
  /** The events of a stream. */
  events(chunks: AsyncIterable<Indexed<Output>>): AsyncGenerator<unknown>;
  /** How events are written; as OpenAI's chat does if absent. */
  readonly framing?: StreamFraming;
  /** The last events after a failure in mid-stream; the body of the error answer if absent. */
  failed?(reply: ErrorReply): readonly unknown[];
}

/** Facts about a request that the listener passes beside it. */
interface ClientEnv {
  readonly clientAddress?: string;
}

/** Runs `requests` until they end or the client leaves, whichever is first. */
export async function respond<Whole>(
  c: Context,
  context: RouteContext,
  requests: readonly GenerationRequest[],
  formatter: Formatter<Whole>,
): Promise<Response> {
  const abort = abortWith(c.req.raw.signal);
  releaseBody(c);
  const { clientAddress } = (c.env ?? {}) as ClientEnv;
  const client = clientAddress === undefined ? {} : { client: clientOf(clientAddress) };
  const origin = originOf(c, formatter.stream);
  // Not a request's id, which a client may choose again.
  const id = crypto.randomUUID();
  let numFollowingTokens = requests.reduce((sum, { promptTokens }) => sum + promptTokens.length, 0);
  let promptIndex = 0;
  const together = requests.map((request, i) => {
    numFollowingTokens -= request.promptTokens.length;
    // Copies of a prompt have its tokens in common.
    if (i > 0 && request.promptTokens !== requests[i - 1]!.promptTokens) promptIndex++;
    const batch = { id, promptIndex, numFollowing: requests.length - 1 - i, numFollowingTokens };
    return { ...request, ...client, origin, ...(requests.length > 1 && { batch }) };
  });
  const all = runAll(context.generator, together, abort);
  const updates = context.requestLog?.follow(all, together, { path: c.req.path, stream: formatter.stream }) ??
    all;
  if (!formatter.stream) return await answer(formatter, await collect(updates, requests.length));
  const slices = new Slices();
  return await eventStream(formatter.events(chunked(updates, context.streamInterval)), {
    abort,
    pingMs: context.pingMs,
    // Prompt logprobs, all so far in each native event, and the rounds that a slow reader finds at once are more than one
    // turn may write.
    ...(requests.some(({ sampling, reportsRounds }) => sampling.numLogprobs >= 0 || reportsRounds) && {
      toJson: (data) => toJson(data, slices),
    }),
    ...(formatter.framing !== undefined && { framing: formatter.framing }),
    failed(error) {
      const reply = context.report(error);
      return formatter.failed?.(reply) ?? [reply.body];
    },
  });
}

async function answer<Whole>(formatter: Formatter<Whole>, outputs: readonly Output[]): Promise<Response> {
  const slices = new Slices();
  return await jsonResponse(await formatter.whole(outputs, slices), slices);
}
