/**
 * Embeds the prompts of one HTTP request, for every API that has embeddings.
 *
 * @module
 */
import type { Context } from "hono";
import type { Embedding, EmbeddingRequest, Generator } from "../../runtime/contracts/generation.ts";
import type { FinishReason } from "../../runtime/contracts/outputs.ts";
import { releaseBody } from "../gate/body.ts";
import type { RouteContext } from "./context.ts";
import { type Prompt, promptTokens } from "./prompt.ts";
import { originOf } from "./request_origin.ts";
import { clientField } from "./respond.ts";
import { abortWith, asBatch, type Indexed } from "./run.ts";

/** What is to be embedded. */
export interface EmbeddingInput {
  readonly prompts: readonly Prompt[];
  /** The field that has them, for errors. */
  readonly param: string;
  /** Request ids, prompt by prompt. */
  readonly ids: readonly string[];
  /** Numbers of each embedding; all if left out. */
  readonly dimensions?: number | undefined;
  /** Add what the model expects around a text; true if left out. */
  readonly addSpecialTokens?: boolean | undefined;
}

/** An embedding with the prompt it is of. */
export interface EmbeddedPrompt extends Embedding {
  readonly requestId: string;
  readonly promptTokens: Int32Array;
}

/** Reason of the end of an embedding, which has no tokens. */
const finish: FinishReason = { type: "length", length: 0 };

/** An embedding as the request log follows it. */
interface Embedded extends Embedding {
  readonly text: "";
  readonly finish: FinishReason;
}

/**
 * Embeds prompts, in their order. No more are in the engine at once than fit its batch, so that a long list takes no place
 * in the queue from others; the first ones are queued together or not at all.
 *
 * @throws {InvalidRequestError} naming `param` if a prompt is empty, too long, or has unknown tokens
 * @throws {OverloadedError} if the queue is full
 */
export async function embedPrompts(
  c: Context,
  context: RouteContext,
  { prompts, param, ids, dimensions, addSpecialTokens = true }: EmbeddingInput,
): Promise<EmbeddedPrompt[]> {
  const { generator, requestLog } = context, { signal } = c.req.raw;
  const tokens = await promptTokens(generator, prompts, param, signal, { addSpecialTokens });
  releaseBody(c);
  const common = {
    ...clientField(c),
    origin: { ...originOf(c, false), operation: "embeddings" } as const,
    ...(dimensions !== undefined && { dimensions }),
  };
  const requests = tokens.map((promptTokens, i) => ({ requestId: ids[i]!, promptTokens, ...common }));
  const all = runEmbeddings(generator, requests, abortWith(signal));
  const embedded: EmbeddedPrompt[] = [];
  const updates = requestLog?.follow(all, requests, { path: c.req.path, stream: false }) ?? all;
  for await (const { index, value: { embedding, usage } } of updates) {
    const { requestId, promptTokens } = requests[index]!;
    embedded[index] = { requestId, promptTokens, embedding, usage };
  }
  return embedded;
}

/** Embeddings in the order they are made. The first failure, and leaving the loop early, abort the others. */
async function* runEmbeddings(
  generator: Generator,
  requests: readonly EmbeddingRequest[],
  abort: AbortController,
): AsyncGenerator<Indexed<Embedded>, void, void> {
  const numTogether = Math.min(requests.length, generator.model.maxRunningRequests);
  const arrived: Indexed<Embedded>[] = [], together = asBatch(requests.slice(0, numTogether));
  let arrival = Promise.withResolvers<void>(), numStarted = 0;
  let failure: { readonly error: unknown } | undefined;
  const start = () => {
    const index = numStarted++, request = together[index] ?? requests[index]!;
    generator.embed(request, abort.signal).then((embedding) => {
      arrived.push({ index, value: { ...embedding, text: "", finish } });
    }, (error) => failure ??= { error }).then(() => arrival.resolve());
  };
  try {
    while (numStarted < numTogether) start();
    for (let numLeft = requests.length; numLeft > 0; numLeft--) {
      while (arrived.length === 0 && failure === undefined) {
        await arrival.promise;
        arrival = Promise.withResolvers();
      }
      if (failure !== undefined) throw failure.error;
      if (numStarted < requests.length) start();
      yield arrived.shift()!;
    }
  } finally {
    abort.abort();
  }
}
