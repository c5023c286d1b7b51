/**
 * The engine as a client of the scheduler: submits requests, routes its events to them, cancels those that are left.
 *
 * @module
 */
import { fromWireError, InvalidRequestError } from "../contracts/errors.ts";
import type { GenerationRequest, GenerationUpdate } from "../contracts/generation.ts";
import type { ModelInfo } from "../contracts/model_info.ts";
import { unreachable } from "../messages/actors.ts";
import type { Cancel, Progressed, Submit } from "../messages/engine_scheduler.ts";
import type { EngineMetrics } from "../metrics/engine_metrics.ts";
import { AbortListeners } from "./abort_listeners.ts";
import { LiveRequest } from "./live_request.ts";
import type { EngineTokenizer } from "./options.ts";
import { checkRequest } from "./request_checks.ts";

/** What {@linkcode LiveRequests} is made of. */
export interface LiveRequestsOptions {
  readonly model: Pick<ModelInfo, "vocabSize" | "eosTokenIds" | "enforcesGrammars">;
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
  readonly #live = new Map<string, LiveRequest>();
  readonly #aborts = new AbortListeners();

  constructor(options: LiveRequestsOptions) {
    this.#options = options;
  }

  /** Runs a generation, see `Generator.generate`. */
  async *generate(
    request: GenerationRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<GenerationUpdate, void, void> {
    const { requestId, promptTokens, origin: _, ...rest } = request;
    const { assertReady, send, model, tokenizer, metrics } = this.#options;
    assertReady();
    checkRequest(request, model);
    if (this.#live.has(requestId)) {
      throw new InvalidRequestError(`Duplicate request ID: ${requestId}`, "rid");
    }
    const cancel = () => send({ type: "cancel", requestId });
    const observer = metrics.watch(request);
    const live = new LiveRequest(request, { tokenizer, eosTokenIds: model.eosTokenIds, cancel, observer });
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

  #remove(requestId: string): LiveRequest | undefined {
    const live = this.#live.get(requestId);
    this.#live.delete(requestId);
    return live;
  }
}
