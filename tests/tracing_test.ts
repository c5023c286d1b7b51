/**
 * Spans of the real server, as a collector receives them.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { needsModel } from "./support/model_file.ts";
import { ServerProcess } from "./support/server_process.ts";

const { ignore, path: modelPath } = needsModel();
const flags = [
  ...["--model-path", modelPath, "--served-model-name", "smol", "--context-length", "1024"],
  ...["--speculative-algorithm", "NONE", "--skip-server-warmup"],
];
const traceId = "0af7651916cd43dd8448eb211c80319c", parentId = "b7ad6b7169203331";

const attribute = z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) });
const span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string(),
  name: z.string(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes: z.array(attribute),
});
const exported = z.object({
  resourceSpans: z.array(z.object({
    scopeSpans: z.array(z.object({ scope: z.object({ name: z.string() }), spans: z.array(span) })),
  })),
});
type Span = z.infer<typeof span>;

/** A collector that keeps Aerie's spans. */
class Collector implements AsyncDisposable {
  readonly #spans: Span[] = [];
  #arrival = Promise.withResolvers<void>();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => await this.#take(request),
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Waits for the request that generated for `id`; returns its spans by name. */
  async spansOf(id: string): Promise<ReadonlyMap<string, Span>> {
    for (;;) {
      const root = this.#spans.find((span) => facts(span)["gen_ai.response.id"] === id);
      const children = this.#spans.filter(({ parentSpanId }) => parentSpanId === root?.spanId);
      if (root !== undefined && children.length >= 3) {
        return new Map([root, ...children].map((span) => [span.name, span]));
      }
      await this.#arrival.promise;
    }
  }

  async #take(request: Request): Promise<Response> {
    const body: unknown = await request.json();
    if (new URL(request.url).pathname === "/v1/traces") {
      const scopes = exported.parse(body).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans);
      for (const { scope, spans } of scopes) if (scope.name === "aerie") this.#spans.push(...spans);
      this.#arrival.resolve();
      this.#arrival = Promise.withResolvers();
    }
    return Response.json({});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function facts({ attributes }: Span): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

Deno.test({
  name: "tracing: a request, its queue, prefill and decode arrive as spans of the caller's trace",
  ignore,
}, async () => {
  await using collector = new Collector();
  await using server = await ServerProcess.start(flags, {
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "200",
    },
  });
  const ask = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return text;
  };
  const answer = z.object({ id: z.string(), usage: z.object({ prompt_tokens: z.int() }) }).parse(JSON.parse(
    await ask("/v1/chat/completions", {
      messages: [{ role: "user", content: "Hello" }],
      max_tokens: 8,
      ignore_eos: true,
    }, { traceparent: `00-${traceId}-${parentId}-01` }),
  ));
  const spans = await collector.spansOf(answer.id);
  assert.deepEqual([...spans.keys()].sort(), ["decode", "prefill", "queue", "request"]);
  const [request, queue, prefill, decode] = ["request", "queue", "prefill", "decode"].map((name) =>
    spans.get(name)!
  );
  for (const span of spans.values()) assert.equal(span.traceId, traceId, span.name);
  assert.equal(request!.parentSpanId, parentId);
  const {
    "gen_ai.operation.name": operation,
    "gen_ai.request.model": model,
    "gen_ai.usage.input_tokens": numInput,
    "gen_ai.usage.output_tokens": numOutput,
    "gen_ai.latency.time_in_queue": queueSeconds,
  } = facts(request!);
  assert.deepEqual([operation, model, numInput, numOutput], ["chat", "smol", answer.usage.prompt_tokens, 8]);
  assert(typeof queueSeconds === "number" && queueSeconds >= 0);
  const times = [
    request!.startTimeUnixNano,
    queue!.startTimeUnixNano,
    queue!.endTimeUnixNano,
    prefill!.startTimeUnixNano,
    prefill!.endTimeUnixNano,
    decode!.startTimeUnixNano,
    decode!.endTimeUnixNano,
    request!.endTimeUnixNano,
  ];
  assert.deepEqual(times, times.toSorted((a, b) => Number(a - b)), "one after another");

  await ask("/generate", { rid: "alone", text: "One,", sampling_params: { max_new_tokens: 2 } });
  const alone = await collector.spansOf("alone");
  assert.equal(alone.get("request")!.parentSpanId, "", "a trace of its own");
  assert.notEqual(alone.get("request")!.traceId, traceId);
});
