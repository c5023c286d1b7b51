/**
 * The engine as a client of the scheduler: submits requests, routes its events to them, cancels those that are left.
 *
 * @module
 */
import { fromWireError, InvalidRequestError } from "../contracts/errors.ts";
import type {
  Embedding,
  EmbeddingRequest,
  GenerationRequest,
  GenerationUpdate,
} from "../contracts/generation.ts";
import type { ModelInfo } from "../contracts/model_info.ts";
import { unreachable } from "../messages/actors.ts";
import type { Cancel, Progressed, Submit } from "../messages/engine_scheduler.ts";
import type { EngineMetrics } from "../metrics/engine_metrics.ts";
import { AbortListeners } from "./abort_listeners.ts";
import { defaultSamplingParams } from "../contracts/sampling_params.ts";
import { LiveEmbedding } from "./live_embedding.ts";
import { LiveRequest } from "./live_request.ts";
import type { EngineTokenizer } from "./options.ts";
import { checkRequest } from "./request_checks.ts";

/** An embedding draws nothing. */
const embeddingSampling = { ...defaultSamplingParams, temperature: 0, maxTokens: 0 };

/** What {@linkcode LiveRequests} is made of. */
export interface LiveRequestsOptions {
  readonly model: Pick<ModelInfo, "vocabSize" | "eosTokenIds" | "enforcesGrammars" | "embedding">;
  readonly tokenizer: Pick<EngineTokenizer, "detokenizer">;
  readonly metrics: Pick<EngineMetrics, "watch">;
  /** Throws unless the scheduler takes requests. */
  readonly assertReady: () => void;
  /** Takes a command to the scheduler. */
  readonly send: (command: Submit | Cancel) => void;
}

/** The requests that were submitted and have not ended, by their ids. */
export class LiveRequests {
  readonly #options: LiveRequestsOptions;
  readonly #live = new Map<string, LiveRequest | LiveEmbedding>();
  readonly #aborts = new AbortListeners();

  constructor(options: LiveRequestsOptions) {
    this.#options = options;
  }

  /** Runs a generation, see `Generator.generate`. */
  async *generate(
    request: GenerationRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<GenerationUpdate, void, void> {
    const { requestId, promptTokens, origin, ...rest } = request;
    const { send, model: { eosTokenIds, embedding }, tokenizer, metrics } = this.#options;
    this.#check(request);
    if (embedding.isOnly && !origin?.isOwn) {
      throw new InvalidRequestError("Cannot generate: the server was started with --is-embedding", "model");
    }
    const cancel = () => send({ type: "cancel", requestId });
    const observer = metrics.watch(request);
    const live = new LiveRequest(request, { tokenizer, eosTokenIds, cancel, observer });
    this.#live.set(requestId, live);
    // Copied, since posting a part of a buffer would carry all of it.
    send({ type: "submit", requestId, ...rest, promptTokens: promptTokens.slice() });
    if (signal !== undefined) this.#aborts.on(signal, cancel);
    try {
      for (;;) {
        const update = await live.next();
        yield update;
        if (update.finish !== undefined) return;
      }
    } finally {
      if (signal !== undefined) this.#aborts.off(signal, cancel);
      if (!live.ended) cancel();
    }
  }

  /** Runs an embedding, see `Generator.embed`. */
  async embed({ dimensions, ...of }: EmbeddingRequest, signal?: AbortSignal): Promise<Embedding> {
    const { send, model: { embedding: { pooling, size, isNormalised } }, metrics } = this.#options;
    const request = { ...of, sampling: embeddingSampling };
    this.#check(request);
    if (dimensions !== undefined && !(Number.isInteger(dimensions) && dimensions > 0 && dimensions <= size)) {
      throw new InvalidRequestError(
        `Cannot embed: dimensions is ${dimensions}, expected 1 to ${size}`,
        "dimensions",
      );
    }
    signal?.throwIfAborted();
    const { requestId, promptTokens, origin: _, ...rest } = request;
    const cancel = () => send({ type: "cancel", requestId });
    const observer = metrics.watch(request);
    const live = new LiveEmbedding({ ...of, ...(dimensions && { dimensions }) }, {
      isNormalised,
      cancel,
      observer,
    });
    this.#live.set(requestId, live);
    send({ type: "submit", requestId, ...rest, promptTokens: promptTokens.slice(), pooling });
    if (signal !== undefined) this.#aborts.on(signal, cancel);
    try {
      return await live.result;
    } finally {
      if (signal !== undefined) this.#aborts.off(signal, cancel);
    }
  }

  /** @throws {InvalidRequestError} if the request could not run */
  #check(request: GenerationRequest): void {
    const { assertReady, model } = this.#options;
    assertReady();
    checkRequest(request, model);
    if (this.#live.has(request.requestId)) {
      throw new InvalidRequestError(`Duplicate request ID: ${request.requestId}`, "rid");
    }
  }

  /** Cancels the requests whose ids start with `prefix`; returns how many. */
  abort(prefix: string, message?: string): number {
    const aborted = [...this.#live].filter(([requestId]) => requestId.startsWith(prefix));
    for (const [, live] of aborted) live.abort(message);
    return aborted.length;
  }

  /** Takes an event of the scheduler to its request. */
  onEvent(event: Progressed["events"][number]): void {
    switch (event.type) {
      case "tokens":
        return this.#live.get(event.requestId)?.onTokens(event);
      case "finished":
        return this.#remove(event.requestId)?.onFinished(event);
      case "failed":
        return this.#remove(event.requestId)?.fail(fromWireError(event.error));
      default:
        return unreachable(event);
    }
  }

  /** Fails all: the scheduler is gone. */
  fail(error: Error): void {
    for (const live of this.#live.values()) live.fail(error);
    this.#live.clear();
  }

  #remove(requestId: string): LiveRequest | LiveEmbedding | undefined {
    const live = this.#live.get(requestId);
    this.#live.delete(requestId);
    return live;
  }
}
