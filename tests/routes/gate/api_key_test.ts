/**
 * @module
 */
import { strict as assert } from "node:assert";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf } from "../../support/http.ts";

const app = appOf(new FakeGenerator(), { apiKey: "secret" });

Deno.test("api key: it comes as a bearer token or as Anthropic's clients send it, on every endpoint", async () => {
  const statuses = async (headers: Record<string, string>) => {
    const paths = ["/v1/models", "/api/tags", "/v1/responses/resp_0"];
    return await Promise.all(paths.map(async (path) => (await app.request(path, { headers })).status));
  };
  const allowed = [200, 200, 404], denied = [401, 401, 401];
  assert.deepEqual(await statuses({ Authorization: "Bearer secret" }), allowed);
  assert.deepEqual(await statuses({ "x-api-key": "secret" }), allowed);
  // A client that has an unused token of another service.
  assert.deepEqual(await statuses({ "x-api-key": "secret", Authorization: "Bearer other" }), allowed);
  assert.deepEqual(await statuses({}), denied);
  assert.deepEqual(await statuses({ "x-api-key": "wrong" }), denied);
  assert.deepEqual(await statuses({ "x-api-key": "" }), denied);
});

Deno.test("api key: pages may send it, and what else clients of these APIs send", async () => {
  const sent = "x-api-key, anthropic-version, anthropic-beta, x-stainless-lang";
  const { status, headers } = await app.request("/v1/messages", {
    method: "OPTIONS",
    headers: {
      Origin: "http://localhost:3000",
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": sent,
    },
  });
  assert.equal(status, 204);
  const allowed = (headers.get("Access-Control-Allow-Headers") ?? "").toLowerCase().split(/\s*,\s*/);
  for (const name of sent.split(", ")) assert(allowed.includes(name), name);
});
