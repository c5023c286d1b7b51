/**
 * One embedding between the scheduler, which pools hidden states, and its consumer.
 *
 * @module
 */
import { AbortedError } from "../contracts/errors.ts";
import type { Embedding, EmbeddingRequest } from "../contracts/generation.ts";
import type { Usage } from "../contracts/usage.ts";
import type { Finished } from "../messages/engine_scheduler.ts";
import type { RequestObserver } from "../metrics/request_observer.ts";

/** An embedding that was submitted and has not ended. */
export class LiveEmbedding {
  readonly #request: EmbeddingRequest;
  readonly #options: LiveEmbeddingOptions;
  readonly #result = Promise.withResolvers<Embedding>();
  /** Message of an abort that was asked for with one. */
  #abortMessage: string | undefined;

  constructor(request: EmbeddingRequest, options: LiveEmbeddingOptions) {
    this.#request = request;
    this.#options = options;
    // Whoever waits for it may have left.
    this.#result.promise.catch(() => {});
  }

  /** Settles with the end of the request. */
  get result(): Promise<Embedding> {
    return this.#result.promise;
  }

  /** An embedding has no tokens. */
  onTokens(): void {}

  /** Takes the scheduler's last event. */
  onFinished({ reason, usage, queueMs, pooled }: Finished): void {
    const { isNormalised, observer } = this.#options;
    if (queueMs !== undefined) observer?.admitted(queueMs);
    observer?.ended({ usage, finish: reason });
    if (pooled === undefined) {
      const message = reason.type === "abort" ? reason.message : `it ended by ${reason.type}`;
      return this.#result.reject(new AbortedError(this.#abortMessage ?? message));
    }
    const cut = pooled.subarray(0, this.#request.dimensions);
    this.#result.resolve({ embedding: isNormalised ? normalised(cut) : cut, usage });
  }

  /** Ends it early, in the scheduler too; `message` is then why. */
  abort(message?: string): void {
    this.#abortMessage = message;
    this.#options.cancel();
  }

  /** Ends it with an error. */
  fail(error: Error): void {
    this.#options.observer?.ended({ usage: noUsage(this.#request), error });
    this.#result.reject(error);
  }
}

/** What an embedding is made with. */
export interface LiveEmbeddingOptions {
  /** Embeddings have length 1. */
  readonly isNormalised: boolean;
  /** Ends the request in the scheduler. */
  readonly cancel: () => void;
  /** Observes the request for metrics and traces. */
  readonly observer: RequestObserver | undefined;
}

function noUsage({ promptTokens }: EmbeddingRequest): Usage {
  return {
    numPromptTokens: promptTokens.length,
    numCompletionTokens: 0,
    numCachedTokens: 0,
    numPreemptions: 0,
  };
}

/** The vector of length 1 in the same direction; zeros stay. */
function normalised(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / (length || 1));
}
