/**
 * OpenTelemetry spans of a request, through whatever exporter the process has: Deno's own with `OTEL_DENO=true`.
 *
 * @module
 */
import {
  type Attributes,
  propagation,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import manifest from "../../deno.json" with { type: "json" };
import { AerieError } from "../contracts/errors.ts";
import type { GenerationRequest } from "../contracts/generation.ts";
import type { RequestOutcome, RequestSink, RequestTimes } from "./request_observer.ts";

/** Spans of requests, made when a request has ended, of the times that were taken on the way. */
export class RequestSpans implements RequestSink {
  readonly #tracer: Tracer;
  readonly #modelName: string;

  private constructor(tracer: Tracer, modelName: string) {
    this.#tracer = tracer;
    this.#modelName = modelName;
  }

  /** Undefined if no exporter takes spans. */
  static open(modelName: string): RequestSpans | undefined {
    const provider = trace.getTracerProvider();
    const isOff = provider instanceof ProxyTracerProvider &&
      provider.getDelegateTracer("aerie") === undefined;
    return isOff ? undefined : new RequestSpans(trace.getTracer("aerie", manifest.version), modelName);
  }

  readonly end = (request: GenerationRequest, times: RequestTimes, outcome: RequestOutcome): void => {
    const { receivedAt, submittedAt, admittedAt, firstTokenAt, endedAt } = times;
    const parent = propagation.extract(ROOT_CONTEXT, request.origin?.trace ?? {});
    const options = { kind: SpanKind.SERVER, startTime: epochMs(receivedAt) };
    const span = this.#tracer.startSpan("request", options, parent);
    span.setAttributes({ ...this.#facts(request), ...results(times, outcome) });
    if (outcome.error !== undefined) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.error.message });
    }
    const inside = trace.setSpan(parent, span);
    const phase = (
      name: string,
      from: number | undefined,
      to: number | undefined,
      facts: Attributes = {},
    ) => {
      if (from === undefined) return;
      const options = { startTime: epochMs(from), attributes: facts };
      this.#tracer.startSpan(name, options, inside).end(epochMs(to ?? endedAt));
    };
    const { numPromptTokens, numCachedTokens, numCompletionTokens } = outcome.usage;
    phase("queue", submittedAt, admittedAt);
    phase("prefill", admittedAt, firstTokenAt, {
      "gen_ai.usage.input_tokens": numPromptTokens,
      "gen_ai.usage.cache_read.input_tokens": numCachedTokens,
    });
    phase("decode", firstTokenAt, endedAt, { "gen_ai.usage.output_tokens": numCompletionTokens });
    span.end(epochMs(endedAt));
  };

  /** What was asked for. */
  #facts({ requestId, sampling, origin }: GenerationRequest): Attributes {
    return {
      "gen_ai.operation.name": origin?.operation ?? "text_completion",
      "gen_ai.provider.name": "aerie",
      "gen_ai.request.model": this.#modelName,
      "gen_ai.response.model": this.#modelName,
      "gen_ai.response.id": requestId,
      "gen_ai.request.max_tokens": sampling.maxTokens,
      "gen_ai.request.temperature": sampling.temperature,
      "gen_ai.request.top_p": sampling.topP,
      "gen_ai.request.stream": origin?.isStreaming ?? false,
    };
  }
}

/** What came of it. */
function results(times: RequestTimes, { usage, finish, error }: RequestOutcome): Attributes {
  const { receivedAt, submittedAt, admittedAt, firstTokenAt, endedAt } = times;
  return {
    "gen_ai.usage.input_tokens": usage.numPromptTokens,
    "gen_ai.usage.output_tokens": usage.numCompletionTokens,
    "gen_ai.usage.cache_read.input_tokens": usage.numCachedTokens,
    "gen_ai.latency.e2e": seconds(receivedAt, endedAt),
    ...(admittedAt !== undefined && { "gen_ai.latency.time_in_queue": seconds(submittedAt, admittedAt) }),
    ...(firstTokenAt !== undefined && {
      "gen_ai.response.time_to_first_chunk": seconds(receivedAt, firstTokenAt),
    }),
    ...(finish !== undefined && { "gen_ai.response.finish_reasons": [finish.type] }),
    ...(error !== undefined && { "error.type": error instanceof AerieError ? error.code : error.name }),
    "aerie.num_preemptions": usage.numPreemptions,
    ...(usage.speculation !== undefined && {
      "aerie.draft_tokens_proposed": usage.speculation.numProposed,
      "aerie.draft_tokens_accepted": usage.speculation.numAccepted,
    }),
  };
}

function seconds(fromMs: number, toMs: number): number {
  return (toMs - fromMs) / 1000;
}

/** A time of `performance.now()` as OpenTelemetry takes it. */
function epochMs(now: number): number {
  return performance.timeOrigin + now;
}
