/**
 * Observability of the engine: metrics for `/metrics`, spans for OpenTelemetry.
 *
 * @module
 */
import type { GenerationRequest } from "../contracts/generation.ts";
import type { ModelInfo } from "../contracts/model_info.ts";
import type { SchedulerState } from "../contracts/scheduler_state.ts";
import { processMetrics } from "./process_metrics.ts";
import { RequestMetrics, type TokenizerOperation } from "./request_metrics.ts";
import { type RequestObserver, type RequestSink, TimedRequest } from "./request_observer.ts";
import { RequestSpans } from "./request_spans.ts";
import type { SchedulerFacts } from "./scheduler_families.ts";
import { schedulerMetrics } from "./scheduler_metrics.ts";

/** Metrics of an engine, unless they are switched off, and spans, if an exporter takes them. */
export class EngineMetrics {
  readonly #requests: RequestMetrics | undefined;
  readonly #sinks: readonly RequestSink[];
  #scrape: Promise<string> | undefined;

  /** Watches nothing if metrics are not `isEnabled` and no exporter takes spans. */
  constructor(model: ModelInfo, isEnabled: boolean) {
    this.#requests = isEnabled ? new RequestMetrics(model) : undefined;
    this.#sinks = [this.#requests, RequestSpans.open(model.servedModelName)]
      .filter((sink) => sink !== undefined);
  }

  /** Begins to watch a request that is being submitted; undefined if there is no observer. */
  watch(request: GenerationRequest): RequestObserver | undefined {
    if (this.#sinks.length === 0 || request.origin?.isOwn) return undefined;
    return new TimedRequest(request, this.#sinks);
  }

  /** Does something in a tokenizer host and takes its time, whatever comes of it. */
  async timed<Result>(operation: TokenizerOperation, work: () => Result | Promise<Result>): Promise<Result> {
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      this.#requests?.tokenized(operation, performance.now() - startedAt);
    }
  }

  /**
   * All metrics in Prometheus' text format; undefined if they are switched off. Scrapes that come while others wait for
   * theirs gets the same, so that many cost the scheduler one question.
   */
  text(inspect: () => Promise<SchedulerState>, factsOf: () => SchedulerFacts): Promise<string | undefined> {
    const requests = this.#requests;
    if (requests === undefined) return Promise.resolve(undefined);
    return this.#scrape ??= gather(requests, inspect, factsOf).finally(() => this.#scrape = undefined);
  }
}

async function gather(
  requests: RequestMetrics,
  inspect: () => Promise<SchedulerState>,
  factsOf: () => SchedulerFacts,
): Promise<string> {
  const state = await inspect(), facts = factsOf();
  const texts = [schedulerMetrics(state, facts), requests.text(), processMetrics(facts.servedModelName)];
  return (await Promise.all(texts)).join("\n");
}
