/**
 * Counters and histograms of requests, under SGLang's names, observed where the engine receives tokens.
 *
 * @module
 */
import { Counter, Histogram, Registry } from "prom-client";
import type { GenerationRequest } from "../contracts/generation.ts";
import type { ModelInfo } from "../contracts/model_info.ts";
import {
  FIRST_TOKEN_SECONDS,
  QUEUE_SECONDS,
  REQUEST_SECONDS,
  TOKEN_SECONDS,
  tokenCountBuckets,
  TOKENIZER_SECONDS,
} from "./buckets.ts";
import type { RequestOutcome, RequestSink, RequestTimes } from "./request_observer.ts";

/** What is done in a tokenizer host. */
export type TokenizerOperation = "encode" | "render_chat";

/** Metrics of all requests so far. */
export class RequestMetrics implements RequestSink {
  readonly #registry = new Registry();
  readonly #requests = this.#counter("sglang:num_requests_total", "Requests that ended, without error", true);
  readonly #aborted = this.#counter("sglang:num_aborted_requests_total", "Requests that were aborted");
  readonly #promptTokens = this.#counter(
    "sglang:prompt_tokens_total",
    "Prompt tokens of ended requests",
    true,
  );
  readonly #outputTokens = this.#counter(
    "sglang:generation_tokens_total",
    "Generated tokens of ended requests",
    true,
  );
  readonly #cachedTokens = new Counter({
    name: "sglang:cached_tokens_total",
    help: "Prompt tokens of ended requests whose KV the radix cache had",
    labelNames: ["cache_source"],
    registers: [this.#registry],
  });
  readonly #firstToken = this.#histogram(
    "sglang:time_to_first_token_seconds",
    "Time from a request to its first token",
    FIRST_TOKEN_SECONDS,
    true,
  );
  readonly #gaps = this.#histogram(
    "sglang:inter_token_latency_seconds",
    "Time from one token to the next; tokens that come together share the time since those before",
    TOKEN_SECONDS,
  );
  readonly #perToken = this.#histogram(
    "sglang:request_time_per_output_token_seconds",
    "Time per token after the first, request by request",
    TOKEN_SECONDS,
    true,
  );
  readonly #latency = this.#histogram(
    "sglang:e2e_request_latency_seconds",
    "Time from a request to its end",
    REQUEST_SECONDS,
    true,
  );
  readonly #queue = this.#histogram(
    "sglang:queue_time_seconds",
    "Time in the queue until a request was first admitted",
    QUEUE_SECONDS,
  );
  readonly #tokenizer = new Histogram({
    name: "aerie:tokenizer_seconds",
    help: "Time from a text or chat to its tokens, the wait for a tokenizer host included",
    labelNames: ["operation"],
    buckets: [...TOKENIZER_SECONDS],
    registers: [this.#registry],
  });
  readonly #promptLengths: Histogram;
  readonly #computedLengths: Histogram;
  readonly #outputLengths: Histogram;

  constructor({ servedModelName, contextLength }: ModelInfo) {
    this.#registry.setDefaultLabels({ "model_name": servedModelName, "engine_type": "unified" });
    const lengths = tokenCountBuckets(contextLength);
    this.#promptLengths = this.#histogram(
      "sglang:prompt_tokens_histogram",
      "Prompt tokens of ended requests",
      lengths,
    );
    this.#computedLengths = this.#histogram(
      "sglang:uncached_prompt_tokens_histogram",
      "Prompt tokens of ended requests whose KV was computed",
      lengths,
    );
    this.#outputLengths = this.#histogram(
      "sglang:generation_tokens_histogram",
      "Generated tokens of ended requests",
      lengths,
    );
  }

  readonly queue = (queueMs: number): void => this.#queue.observe(queueMs / 1000);

  readonly firstToken = (request: GenerationRequest, ms: number): void =>
    this.#firstToken.observe(streaming(request), ms / 1000);

  readonly tokens = (ms: number, numTokens: number): void => {
    for (let i = 0; i < numTokens; i++) this.#gaps.observe(ms / numTokens / 1000);
  };

  readonly end = (request: GenerationRequest, times: RequestTimes, outcome: RequestOutcome): void => {
    const { usage, finish } = outcome;
    // Errors are counted where they are answered.
    if (finish === undefined) return;
    if (finish.type === "abort") this.#aborted.inc();
    const labels = streaming(request), { receivedAt, firstTokenAt, lastTokenAt, endedAt } = times;
    const { numPromptTokens, numCompletionTokens, numCachedTokens } = usage;
    this.#requests.inc(labels);
    this.#promptTokens.inc(labels, numPromptTokens);
    this.#outputTokens.inc(labels, numCompletionTokens);
    this.#cachedTokens.inc({ "cache_source": "device" }, numCachedTokens);
    this.#latency.observe(labels, (endedAt - receivedAt) / 1000);
    if (firstTokenAt !== undefined && lastTokenAt !== undefined && numCompletionTokens > 1) {
      this.#perToken.observe(labels, (lastTokenAt - firstTokenAt) / (numCompletionTokens - 1) / 1000);
    }
    this.#promptLengths.observe(numPromptTokens);
    this.#computedLengths.observe(numPromptTokens - numCachedTokens);
    this.#outputLengths.observe(numCompletionTokens);
  };

  /** Takes the time of something done in a tokenizer host, milliseconds. */
  tokenized(operation: TokenizerOperation, ms: number): void {
    this.#tokenizer.observe({ operation }, ms / 1000);
  }

  /** The metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #counter(name: string, help: string, byStreaming = false): Counter {
    const labelNames = byStreaming ? ["is_streaming"] : [];
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: readonly number[], byStreaming = false): Histogram {
    const labelNames = byStreaming ? ["is_streaming"] : [];
    return new Histogram({ name, help, labelNames, buckets: [...buckets], registers: [this.#registry] });
  }
}

/** SGLang's label for streams. */
function streaming({ origin }: GenerationRequest): { readonly is_streaming: string } {
  return { "is_streaming": String(origin?.isStreaming ?? false) };
}
