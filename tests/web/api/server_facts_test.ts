/** Facts about model and engine, and what is said in their place. */
import { strict as assert } from "node:assert";
import { fetchFacts, isHealthy } from "../../../web/api/server_facts.ts";
import { PageServer } from "../../support/page_server.ts";

Deno.test("server facts: what a server leaves out or has another form is left out", async () => {
  await using _server = new PageServer((request) =>
    request.url.endsWith("/model_info")
      ? Response.json({ "served_model_name": "tiny", "max_model_len": "long" })
      : Response.json({ version: "0.1.0", "internal_states": [], "speculative_algorithm": null })
  );
  assert.deepEqual(await fetchFacts(""), { modelName: "tiny", version: "0.1.0" });
});

Deno.test("server facts: the key goes along, and its refusal comes back", async () => {
  await using _server = new PageServer((request) =>
    request.headers.get("Authorization") === "Bearer right"
      ? Response.json({ "served_model_name": "tiny" })
      : Response.json({ error: { message: "Cannot authorize" } }, { status: 401 })
  );
  assert.deepEqual(await fetchFacts("right"), { modelName: "tiny" });
  assert.deepEqual(await fetchFacts("wrong"), { kind: "unauthorized", message: "Cannot authorize" });
  assert.deepEqual(await fetchFacts("…"), {
    kind: "unauthorized",
    message: "The key has a character that no key can have",
  });
});

Deno.test("server facts: a server that starts is not healthy, and no page is taken for facts", async () => {
  await using _server = new PageServer((request) =>
    request.url.endsWith("/health")
      ? new Response(null, { status: 503 })
      : new Response("<html>", { status: 200 })
  );
  assert.equal(await isHealthy(), false);
  assert.deepEqual(await fetchFacts(""), { kind: "unreachable", message: "The server does not answer" });
});
