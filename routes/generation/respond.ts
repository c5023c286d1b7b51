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
import { abortWith, asBatch, chunked, collect, type Indexed, type Output, runAll } from "./run.ts";
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

/** The client of an HTTP request, as requests to the engine name it. */
export function clientField(c: Context): Pick<GenerationRequest, "client"> {
  const { clientAddress } = (c.env ?? {}) as ClientEnv;
  return clientAddress === undefined ? {} : { client: clientOf(clientAddress) };
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
  const facts = { ...clientField(c), origin: originOf(c, formatter.stream) };
  const together = asBatch(requests.map((request) => ({ ...request, ...facts })));
  const all = runAll(context.generator, together, abort);
  const updates = context.requestLog?.follow(all, together, { path: c.req.path, stream: formatter.stream }) ??
    all;
  if (!formatter.stream) return await answer(formatter, await collect(updates, requests.length));
  const slices = new Slices();
  return await eventStream(formatter.events(chunked(updates, context.streamInterval)), {
    abort,
    pingMs: context.pingMs,
    ...(requests.some(isLong) && { toJson: (data) => toJson(data, slices) }),
    ...(formatter.framing !== undefined && { framing: formatter.framing }),
    failed(error) {
      const reply = context.report(error);
      return formatter.failed?.(reply) ?? [reply.body];
    },
  });
}

/**
 * Whether events may be more than one turn may write: with prompt logprobs, all so far in each native event, with rounds
 * that a slow reader finds at once, or with hidden states.
 */
function isLong({ sampling, reportsRounds, hiddenStates }: GenerationRequest): boolean {
  return sampling.numLogprobs >= 0 || reportsRounds === true || hiddenStates !== undefined;
}

async function answer<Whole>(formatter: Formatter<Whole>, outputs: readonly Output[]): Promise<Response> {
  const slices = new Slices();
  return await jsonResponse(await formatter.whole(outputs, slices), slices);
}
