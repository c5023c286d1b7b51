/**
 * Observers of a request, and its times.
 *
 * @module
 */
import type { GenerationRequest } from "../contracts/generation.ts";
import type { FinishReason } from "../contracts/outputs.ts";
import type { Usage } from "../contracts/usage.ts";

/** How a request ended: with a finish reason or an error. */
export interface RequestOutcome {
  readonly usage: Usage;
  readonly finish?: FinishReason;
  readonly error?: Error;
}

/** Watches one request. */
export interface RequestObserver {
  /** Takes the time in the queue, milliseconds. */
  admitted(queueMs: number): void;
  /** Takes the number of new tokens. */
  generated(numTokens: number): void;
  /** Takes the end of the request. */
  ended(outcome: RequestOutcome): void;
}

/** Times of a request, by `performance.now()`. */
export interface RequestTimes {
  /** The HTTP request was read. */
  readonly receivedAt: number;
  /** The prompt was tokens, and was sent to the scheduler. */
  readonly submittedAt: number;
  /** The request left the queue; undefined if it never did. */
  readonly admittedAt: number | undefined;
  /** The first tokens came; undefined if none did. */
  readonly firstTokenAt: number | undefined;
  /** The newest tokens came. */
  readonly lastTokenAt: number | undefined;
  /** The request was over. */
  readonly endedAt: number;
}

/** What is done with the times of requests. Every member may be called while tokens are generated, so none is slow. */
export interface RequestSink {
  /** Takes the time in the queue, milliseconds, once per request that was admitted. */
  readonly queue?: (queueMs: number) => void;
  /** Takes the time until the first tokens, milliseconds. */
  readonly firstToken?: (request: GenerationRequest, ms: number) => void;
  /** Takes the time since the tokens before, milliseconds, and the number of new ones. */
  readonly tokens?: (ms: number, numTokens: number) => void;
  /** Takes what is known in the end. */
  readonly end: (request: GenerationRequest, times: RequestTimes, outcome: RequestOutcome) => void;
}

/** An observer that takes the times of a request and hands them to all of `sinks`. */
export class TimedRequest implements RequestObserver {
  readonly #request: GenerationRequest;
  readonly #sinks: readonly RequestSink[];
  readonly #now: () => number;
  readonly #receivedAt: number;
  readonly #submittedAt: number;
  #admittedAt: number | undefined;
  #firstTokenAt: number | undefined;
  #lastTokenAt: number | undefined;

  constructor(
    request: GenerationRequest,
    sinks: readonly RequestSink[],
    now: () => number = () => performance.now(),
  ) {
    this.#request = request;
    this.#sinks = sinks;
    this.#now = now;
    this.#submittedAt = now();
    this.#receivedAt = request.origin?.receivedAt ?? this.#submittedAt;
  }

  admitted(queueMs: number): void {
    if (this.#admittedAt !== undefined) return;
    this.#admittedAt = this.#submittedAt + queueMs;
    for (const { queue } of this.#sinks) queue?.(queueMs);
  }

  generated(numTokens: number): void {
    if (numTokens === 0) return;
    const now = this.#now(), before = this.#lastTokenAt;
    this.#lastTokenAt = now;
    if (before !== undefined) {
      for (const { tokens } of this.#sinks) tokens?.(now - before, numTokens);
      return;
    }
    this.#firstTokenAt = now;
    for (const { firstToken } of this.#sinks) firstToken?.(this.#request, now - this.#receivedAt);
  }

  ended(outcome: RequestOutcome): void {
    const times: RequestTimes = {
      receivedAt: this.#receivedAt,
      submittedAt: this.#submittedAt,
      admittedAt: this.#admittedAt,
      firstTokenAt: this.#firstTokenAt,
      lastTokenAt: this.#lastTokenAt,
      endedAt: this.#now(),
    };
    for (const { end } of this.#sinks) end(this.#request, times, outcome);
  }
}
