/**
 * @module
 */
import fc from "fast-check";
import { strict as assert } from "node:assert";
import { createApp } from "../../routes/app.ts";
import {
  AerieError,
  InvalidRequestError,
  OverloadedError,
  UnavailableError,
} from "../../runtime/contracts/errors.ts";
import { FakeGenerator } from "../support/fake_generator.ts";
import { appOf, fault, post, until } from "../support/http.ts";

const chat = "/v1/chat/completions";
const messages = [{ role: "user", content: "Hello" }];
const authorized = { headers: { Authorization: "Bearer secret" } };

Deno.test("app: with a key every path but those of probes and pages asks for it", async (t) => {
  const app = appOf(new FakeGenerator(), { apiKey: "secret" });
  const routes: [method: string, path: string][] = [
    ["POST", chat],
    ["POST", "/v1/completions"],
    ["POST", "/generate"],
    ["PUT", "/generate"],
    ["GET", "/v1/models"],
    ["GET", "/v1/models/org/tiny"],
    ["GET", "/get_model_info"],
    ["GET", "/get_server_info"],
    ["GET", "/health_generate"],
    ["POST", "/flush_cache"],
    ["POST", "/abort_request"],
    ["GET", "/get_load"],
    ["GET", "/v1/loads"],
    ["GET", "/get_internal_state"],
    ["POST", "/set_internal_state"],
    ["POST", "/pause_generation"],
    ["POST", "/start_profile"],
    ["GET", "/healthy"],
    ["GET", "/no/such/route"],
  ];
  const wrong = [{}, { Authorization: "Bearer wrong" }, { Authorization: "Bearer" }, {
    Authorization: "Basic secret",
  }, { Authorization: "Bearer secret or so" }];
  for (const [method, path] of routes) {
    await t.step(`${method} ${path}`, async () => {
      for (const headers of wrong) {
        const response = await app.request(path, { method, headers });
        assert.equal(response.status, 401);
        assert.equal(response.headers.get("WWW-Authenticate"), "Bearer");
        const { type, code } = (await response.json()).error;
        assert.deepEqual([type, code], ["invalid_request_error", "invalid_api_key"]);
      }
      const response = await app.request(path, { method, ...authorized });
      assert.notEqual(response.status, 401);
      await response.body?.cancel();
    });
  }
  const fresh = appOf(new FakeGenerator(), { apiKey: "secret" });
  for (const path of ["/health", "/v1/health", "/ready", "/ping"]) {
    assert.equal((await fresh.request(path)).status, 200, path);
  }
  assert.notEqual((await fresh.request("/metrics")).status, 401);
  const headers = { Authorization: "bearer   secret" };
  assert.notEqual((await app.request("/v1/models", { headers })).status, 401);
});

Deno.test("app: pages of this machine may call it with the SDK's headers, others may not", async (t) => {
  const app = appOf(new FakeGenerator(), { apiKey: "secret" });
  const cases: [origin: string, allowed: boolean][] = [
    ["http://localhost:5173", true],
    ["http://127.0.0.1", true],
    ["http://[::1]:80", true],
    ["https://evil.example", false],
    ["http://localhost.evil.example", false],
    ["null", false],
  ];
  for (const [origin, allowed] of cases) {
    await t.step(origin, async () => {
      const headers = {
        Origin: origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, x-stainless-os",
      };
      const preflight = await app.request(chat, { method: "OPTIONS", headers });
      assert.equal(preflight.headers.get("Access-Control-Allow-Origin"), allowed ? origin : null);
      if (allowed) {
        assert.match(preflight.headers.get("Access-Control-Allow-Headers") ?? "", /x-stainless-os/);
      }
      const response = await app.request("/v1/models", {
        headers: { Origin: origin, ...authorized.headers },
      });
      assert.equal(response.headers.get("Access-Control-Allow-Origin"), allowed ? origin : null);
      await response.body?.cancel();
    });
  }
});

Deno.test("app: bodies that cannot be read", async (t) => {
  const app = appOf(new FakeGenerator(), { maxBodyBytes: 1000 });
  const json = { "Content-Type": "application/json" };
  const cases: [name: string, body: string, headers: Record<string, string>, status: number][] = [
    ["invalid JSON", "{", json, 400],
    ["empty", "", json, 400],
    ["an array", "[]", json, 400],
    ["null", "null", json, 400],
    ["no content type", "{}", {}, 400],
    ["a form", "a=b", { "Content-Type": "application/x-www-form-urlencoded" }, 400],
    ["text", JSON.stringify({ messages }), { "Content-Type": "text/plain" }, 400],
    ["too large", JSON.stringify({ messages, x: "y".repeat(1000) }), json, 413],
    ["too large, as it says", "{}", { ...json, "Content-Length": "10000000" }, 413],
  ];
  for (const [name, body, headers, status] of cases) {
    await t.step(name, async () => {
      const error = await fault(app, chat, body, { headers });
      assert.equal(error.status, status, error.message);
      assert.equal(error.param, "body");
      const isJson = headers["Content-Type"] === json["Content-Type"];
      if (!isJson) assert.match(error.message, /expected Content-Type: application\/json$/);
    });
  }
  await t.step("numbers beyond JSON's", async () => {
    const error = await fault(app, chat, `{"messages":[{"role":"user","content":"x"}],"temperature":1e999}`);
    assert.equal(error.param, "temperature");
  });
});

Deno.test("app: errors before the first update have their status, streamed or not", async (t) => {
  const cases: [error: Error, status: number, type: string, code: string | null][] = [
    [
      new OverloadedError("Cannot queue: 8 requests wait", 1500),
      429,
      "rate_limit_error",
      "rate_limit_exceeded",
    ],
    [
      new InvalidRequestError("Too long", "prompt", "context_length"),
      400,
      "invalid_request_error",
      "context_length_exceeded",
    ],
    [new InvalidRequestError("Duplicate request ID: a", "rid"), 400, "invalid_request_error", null],
    [new UnavailableError("Cannot generate: the engine is stopping"), 503, "server_error", null],
    [new AerieError("actor_crashed", "Actor verifier crashed: out of memory"), 500, "server_error", null],
    [new TypeError("secret internals"), 500, "server_error", null],
  ];
  for (const [error, status, type, code] of cases) {
    for (const stream of [false, true]) {
      await t.step(`${error.message}, stream ${stream}`, async () => {
        const logged: string[] = [];
        const app = appOf(new FakeGenerator(() => [error]), {
          log: (level, text) => logged.push(`${level} ${text}`),
        });
        const seen = await fault(app, chat, { messages, stream });
        assert.deepEqual([seen.status, seen.type, seen.code], [status, type, code]);
        assert.equal(seen.headers.get("Retry-After"), { 429: "2", 503: "1" }[status] ?? null);
        assert.doesNotMatch(seen.message, /secret/);
        assert.equal(
          logged.some((line) => line.startsWith("error ") && line.includes(error.message)),
          status >= 500,
        );
      });
    }
  }
});

Deno.test("app: one failing prompt aborts the others of its request", async () => {
  const generator = new FakeGenerator((_, index) =>
    index === 1 ? [new OverloadedError("Cannot queue", 1)] : ["wait"]
  );
  const error = await fault(appOf(generator), "/generate", { text: ["a", "b", "c"] });
  assert.equal(error.status, 429);
  await until(() => generator.seen.every(({ ended }) => ended));
});

Deno.test("app: the engine gets the client of a request, and which requests belong together", async () => {
  const generator = new FakeGenerator(),
    app = createApp(generator, { streamInterval: 1, enableCacheReport: false });
  const ask = async (body: object, env?: object) => {
    const headers = { "Content-Type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    await (await app.fetch(new Request("http://aerie/generate", init), env)).text();
  };
  await ask({ text: "a" }, { clientAddress: "::ffff:1.2.3.4" });
  await ask({ text: ["b", "cde"], rid: ["x", "y"] });
  const id = generator.seen[1]?.request.batch?.id;
  assert.ok(id);
  assert.deepEqual(generator.seen.map(({ request: { client, batch } }) => [client, batch]), [
    ["1.2.3.4", undefined],
    [undefined, { id, promptIndex: 0, numFollowing: 1, numFollowingTokens: 3 }],
    [undefined, { id, promptIndex: 1, numFollowing: 0, numFollowingTokens: 0 }],
  ]);
});

Deno.test("app: a client that leaves aborts the generation", async (t) => {
  for (
    const [path, body] of [[chat, { messages }], ["/v1/completions", { prompt: "x" }], ["/generate", {
      text: "x",
    }]] as const
  ) {
    await t.step(`${path}, whole`, async () => {
      const generator = new FakeGenerator(() => [{ text: "H", tokens: [72] }, "wait"]);
      const client = new AbortController();
      const pending = post(appOf(generator), path, body, { signal: client.signal });
      await until(() => generator.seen.length === 1);
      client.abort();
      await until(() => generator.only.ended);
      assert.equal(generator.only.signal?.aborted, true);
      await (await pending).body?.cancel();
    });
    await t.step(`${path}, streamed, by cancelling the body`, async () => {
      const generator = new FakeGenerator(() => [{ text: "H", tokens: [72] }, "wait"]);
      const response = await post(appOf(generator), path, { ...body, stream: true });
      const reader = response.body!.getReader();
      await reader.read();
      assert.equal(generator.only.signal?.aborted, false);
      await reader.cancel();
      await until(() => generator.only.ended);
    });
    await t.step(`${path}, streamed, by the request's signal`, async () => {
      const generator = new FakeGenerator(() => [{ text: "H", tokens: [72] }, "wait"]);
      const client = new AbortController();
      const response = await post(appOf(generator), path, { ...body, stream: true }, {
        signal: client.signal,
      });
      client.abort();
      await until(() => generator.only.ended);
      await response.body?.cancel();
    });
  }
});

Deno.test("app: a generation that ends by itself is not aborted", async () => {
  const generator = new FakeGenerator();
  for (const stream of [false, true]) await (await post(appOf(generator), chat, { messages, stream })).text();
  assert.deepEqual(generator.seen.map(({ signal, ended }) => [signal?.aborted, ended]), [[false, true], [
    false,
    true,
  ]]);
});

Deno.test("app: an unknown route is a JSON 404, and every answer has a request id", async () => {
  const response = await appOf(new FakeGenerator()).request("/nope");
  assert.equal(response.status, 404);
  const { type, code } = (await response.json()).error;
  assert.deepEqual([type, code], ["invalid_request_error", "unknown_url"]);
  assert.ok(response.headers.get("X-Request-Id"));
});

Deno.test("app: a known path with a method it does not take is a 405 that says which it does", async () => {
  const app = appOf(new FakeGenerator());
  const cases = [["GET", chat, "POST"], ["DELETE", "/generate", "POST, PUT"], ["POST", "/health", "GET"], [
    "GET",
    "/abort_request",
    "POST",
  ]] as const;
  for (const [method, path, allow] of cases) {
    const response = await app.request(path, { method });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("Allow"), allow);
    assert.equal((await response.json()).error.type, "invalid_request_error");
  }
});

Deno.test("app: the document names every route and the fields of requests", async () => {
  const response = await appOf(new FakeGenerator()).request("/openapi.json");
  assert.equal(response.status, 200);
  const { paths, components } = await response.json();
  const names = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/models",
    "/v1/models/{model}",
    "/generate",
    "/health",
  ];
  for (const name of [...names, "/get_model_info", "/get_server_info", "/flush_cache", "/abort_request"]) {
    assert.ok(paths[name], name);
  }
  const { properties, required, additionalProperties } = components.schemas.ChatRequest;
  assert.equal(properties.messages.type, "array");
  assert.equal(properties.temperature.maximum, 100);
  assert.deepEqual(required, ["messages"]);
  assert.equal(additionalProperties, false);
});

Deno.test("app: no JSON makes the server fail", async (t) => {
  const hostile = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(-1, 0, 1e308, 2 ** 53, "", "NaN", [], {}, [[]], null, true, "\u0000", "\ud800", ["x"], [
      1,
      2,
    ]),
  );
  const fields = [
    ..."messages prompt text input_ids sampling_params rid stream n temperature top_p top_k min_p seed stop"
      .split(" "),
    ..."stop_token_ids logit_bias max_tokens max_new_tokens min_tokens logprobs top_logprobs echo".split(" "),
    ..."suffix best_of json_schema regex ebnf structural_tag structured_outputs guided_json guided_choice"
      .split(" "),
    ..."stream_options response_format tools model return_logprob logprob_start_len __proto__".split(" "),
  ];
  const someBody = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...fields), hostile));
  const bases = {
    [chat]: { messages },
    "/v1/completions": { prompt: "x" },
    "/generate": { text: "x" },
    "/abort_request": {},
  };
  for (const [path, base] of Object.entries(bases)) {
    await t.step(path, async () => {
      const app = appOf(new FakeGenerator(() => [{ finish: { type: "length", length: 0 } }]));
      await fc.assert(
        fc.asyncProperty(someBody, fc.boolean(), async (body, valid) => {
          const isRecord = typeof body === "object" && body !== null && !Array.isArray(body);
          const response = await post(app, path, valid && isRecord ? { ...base, ...body } : body);
          const text = await response.text();
          assert.ok(response.status < 500, `${response.status} ${text}`);
          if (response.status >= 400) assert.ok(JSON.parse(text).error.param, text);
        }),
        { numRuns: 200 },
      );
    });
  }
});

Deno.test("app: a huge list is refused by its size, not entry by entry", async () => {
  const app = appOf(new FakeGenerator());
  for (
    const fields of [{ messages: new Array(400_000).fill(0) }, { messages, stop: new Array(400_000).fill(0) }]
  ) {
    const error = await fault(app, chat, fields);
    assert.match(error.message, /400000 entries/);
  }
});

Deno.test("app: below a root path it answers with the path and without, and says so in its document", async () => {
  const app = appOf(new FakeGenerator(), { rootPath: "/aerie/one", apiKey: "secret" });
  for (const root of ["", "/aerie/one"]) {
    assert.equal((await app.request(`${root}/health`)).status, 200);
    assert.equal((await app.request(`${root}/v1/models`)).status, 401);
    const models = await app.request(`${root}/v1/models`, authorized);
    assert.equal(models.status, 200);
    await models.body?.cancel();
    const document = await (await app.request(`${root}/openapi.json`, authorized)).json();
    assert.deepEqual(document.servers, [{ url: "/aerie/one" }]);
  }
  for (
    const path of ["/aerie", "/aerie/onehealth", "/aerie/one/aerie/one/health"]
  ) {
    const response = await app.request(path, authorized);
    assert.equal(response.status, 404, path);
    await response.body?.cancel();
  }
});

Deno.test("app: an empty root path is none", async () => {
  const app = appOf(new FakeGenerator(), { rootPath: "" });
  assert.equal((await app.request("/health")).status, 200);
  assert.equal("servers" in await (await app.request("/openapi.json")).json(), false);
});

Deno.test("app: the name of the weights is in native answers", async () => {
  const app = appOf(new FakeGenerator(), { weightVersion: "v7" });
  const { meta_info: meta } = await (await post(app, "/generate", { text: "Hi" })).json();
  assert.equal(meta.weight_version, "v7");
  const info = await (await app.request("/model_info")).json();
  assert.equal(info.weight_version, "v7");
});
