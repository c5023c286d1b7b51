/**
 * @module
 */
import { strict as assert } from "node:assert";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf, fault, post, until } from "../../support/http.ts";

const messages = [{ role: "user", content: "Hello" }];

Deno.test("draining: what starts or changes something is refused for now, what reads is answered", async (t) => {
  const logged: string[] = [];
  const app = appOf(new FakeGenerator(), { isDraining: () => true, log: (_, text) => logged.push(text) });
  const refused: [path: string, body: object][] = [
    ["/v1/chat/completions", { messages }],
    ["/v1/chat/completions", { messages, stream: true }],
    ["/v1/completions", { prompt: "Hello" }],
    ["/generate", { text: "Hello" }],
    ["/flush_cache", {}],
  ];
  for (const [path, body] of refused) {
    await t.step(`POST ${path}`, async () => {
      const { status, type, headers } = await fault(app, path, body);
      assert.deepEqual([status, type, headers.get("Retry-After")], [503, "server_error", "1"]);
    });
  }
  for (const path of ["/ready", "/health", "/v1/health", "/health_generate", "/flush_cache"]) {
    await t.step(`GET ${path}`, async () => {
      const response = await app.request(path);
      assert.deepEqual([response.status, response.headers.get("Retry-After")], [503, "1"]);
      await response.body?.cancel();
    });
  }
  for (const path of ["/ping", "/metrics", "/v1/models", "/model_info", "/server_info", "/openapi.json"]) {
    await t.step(`GET ${path}`, async () => {
      const response = await app.request(path);
      assert.equal(response.status, 200);
      await response.body?.cancel();
    });
  }
  await t.step("POST /v1/responses/{response_id}/cancel", async () => {
    assert.equal((await fault(app, "/v1/responses/resp_0/cancel", {})).status, 404);
  });
  await t.step("POST /abort_request", async () => {
    assert.deepEqual(await (await post(app, "/abort_request", { "abort_all": true })).json(), {
      "num_aborted": 2,
    });
  });
  for (const path of ["/continue_generation", "/stop_profile"]) {
    await t.step(`POST ${path}`, async () => {
      const response = await post(app, path, {});
      await response.body?.cancel();
      assert.notEqual(response.status, 503);
    });
  }
  assert.deepEqual(logged, [], "nothing of it is a fault");
});

Deno.test("draining: what was admitted goes on, a body that was not complete comes too late", async () => {
  const generator = new FakeGenerator(() => ["wait"]);
  let isDraining = false;
  const app = appOf(generator, { isDraining: () => isDraining });
  const leave = new AbortController();
  const running = post(app, "/generate", { text: "Hello" }, { signal: leave.signal });
  await until(() => generator.seen.length === 1);
  const body = new TransformStream<string, string>();
  const late = app.request("/generate", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: body.readable.pipeThrough(new TextEncoderStream()),
  });
  const writer = body.writable.getWriter();
  await writer.write('{"text":');
  isDraining = true;
  await writer.write('"Hi"}');
  await writer.close();
  const refused = await late;
  assert.equal(refused.status, 503);
  await refused.body?.cancel();
  assert.equal(generator.seen.length, 1);
  assert.equal(generator.seen[0]!.ended, false);
  leave.abort();
  await (await running).body?.cancel();
});
