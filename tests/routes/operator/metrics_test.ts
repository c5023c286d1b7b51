/**
 * @module
 */
import { strict as assert } from "node:assert";
import { OverloadedError } from "../../../runtime/contracts/errors.ts";
import { readExposition, valueOf } from "../../support/exposition.ts";
import { FakeGenerator, type Step } from "../../support/fake_generator.ts";
import { type App, appOf, post } from "../../support/http.ts";

async function read(app: App) {
  const response = await app.request("/metrics");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  return readExposition(await response.text());
}

function errors(families: Awaited<ReturnType<typeof read>>, code: string, status: string): number {
  return valueOf(families, "aerie:error_replies_total", { code, status });
}

Deno.test("/metrics has what the engine and what the HTTP side counts", async () => {
  let numConnections = 3;
  const app = appOf(new FakeGenerator(), { numConnections: () => numConnections });
  const families = await read(app);
  assert.equal(valueOf(families, "fake"), 1);
  assert.equal(valueOf(families, "aerie:connections", { model_name: "org/tiny" }), 3);
  numConnections = 4;
  assert.equal(valueOf(await read(app), "aerie:connections"), 4);
});

Deno.test("/metrics counts errors by code, those inside a stream too", async () => {
  const generator = new FakeGenerator(() => [{ text: "a", tokens: [97] }, new Error("broken")]);
  const app = appOf(generator);
  assert.equal(errors(await read(app), "overloaded", "429"), 0, "before the first");
  assert.equal((await post(app, "/generate", { text: "x", foo: 1 })).status, 400);
  await (await post(app, "/generate", { text: "x", stream: true })).text();
  assert.equal((await app.request("/nowhere")).status, 404);
  const families = await read(app);
  assert.equal(errors(families, "invalid_request", "400"), 1);
  assert.equal(errors(families, "internal", "500"), 1);
  assert.equal(errors(families, "not_found", "404"), 1);
  assert.equal(errors(families, "overloaded", "429"), 0);
});

Deno.test("/metrics counts refusals, but not clients that leave or are aborted", async () => {
  class LeftGenerator extends FakeGenerator {
    override encode(text: string): Promise<Int32Array> {
      if (text !== "left") return super.encode(text);
      return Promise.reject(new DOMException("The signal has been aborted", "AbortError"));
    }
  }
  const aborted: Step = { finish: { type: "abort", message: "Enough" } };
  const app = appOf(new LeftGenerator((_, index) => index === 0 ? [aborted] : [new OverloadedError("full")]));
  assert.equal((await post(app, "/v1/completions", { prompt: "x" })).status, 499);
  assert.equal((await post(app, "/generate", { text: "left" })).status, 499);
  assert.equal((await post(app, "/generate", { text: "x" })).status, 429);
  const families = await read(app);
  assert.equal(errors(families, "overloaded", "429"), 1);
  assert.equal(errors(families, "aborted", "499"), 0);
});

Deno.test("/metrics that is switched off is 404 and says by what", async () => {
  const app = appOf(new FakeGenerator(), { enableMetrics: false });
  const response = await app.request("/metrics");
  assert.equal(response.status, 404);
  assert.match((await response.json()).error.message, /--no-enable-metrics/);
});

Deno.test("generations say where they come from", async () => {
  const generator = new FakeGenerator();
  const app = appOf(generator);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const headers = { "Content-Type": "application/json", traceparent };
  const messages = [{ role: "user", content: "Hello" }];
  await (await post(app, "/v1/chat/completions", { messages, stream: true }, { headers })).text();
  await post(app, "/generate", { text: "x" });
  const [chat, native] = generator.seen.map(({ request }) => request.origin);
  assert.deepEqual([chat?.operation, chat?.isStreaming, chat?.trace], ["chat", true, { traceparent }]);
  assert.deepEqual([native?.operation, native?.isStreaming, native?.trace], [
    "text_completion",
    false,
    undefined,
  ]);
  assert(chat!.receivedAt! <= performance.now() && native!.receivedAt! >= chat!.receivedAt!);
});

Deno.test("a health check is the server's own request", async () => {
  const generator = new FakeGenerator(() => [{ tokens: [7], finish: { type: "length", length: 1 } }]);
  assert.equal((await appOf(generator).request("/health_generate")).status, 200);
  assert.equal(generator.only.request.origin?.isOwn, true);
});
