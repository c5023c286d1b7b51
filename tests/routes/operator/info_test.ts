// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import manifest from "../../../deno.json" with { type: "json" };
import { FakeGenerator } from "../../support/fake_generator.ts";
import { answer, appOf, fault } from "../../support/http.ts";

Deno.test("info: model and server, under both names", async () => {
  const app = appOf(new FakeGenerator());
  for (const path of ["/get_model_info", "/model_info"]) {
    const info = await (await app.request(path)).json();
    assert.equal(info.model_path, "/models/tiny");
    assert.equal(info.is_generation, true);
    assert.deepEqual([info.model_type, info.architectures], ["llama", ["LlamaForCausalLM"]]);
    assert.equal(info.disaggregation_mode, "null");
  }
  for (const path of ["/get_server_info", "/server_info"]) {
    assert.deepEqual(await (await app.request(path)).json(), {
      host: "127.0.0.1",
      max_total_num_tokens: 4096,
      stream_interval: 1,
    });
  }
});

Deno.test("info: /version is the manifest's", async () => {
  const { version } = await (await appOf(new FakeGenerator()).request("/version")).json();
  assert.equal(version, manifest.version);
});

Deno.test("info: /flush_cache says whether it did", async () => {
  const generator = new FakeGenerator();
  const app = appOf(generator);
  for (const method of ["GET", "POST"]) {
    generator.flushable = true;
    assert.equal((await app.request("/flush_cache", { method })).status, 200);
    generator.flushable = false;
    assert.equal((await app.request("/flush_cache", { method })).status, 400);
  }
});

Deno.test("info: /abort_request aborts by prefix, or all, but never all by mistake", async () => {
  const generator = new FakeGenerator();
  const app = appOf(generator);
  const schema = z.object({ num_aborted: z.int() });
  assert.deepEqual(await answer(app, "/abort_request", { rid: "chat" }, schema), { num_aborted: 2 });
  await answer(app, "/abort_request", { abort_all: true }, schema);
  await answer(app, "/abort_request", { rid: "", abort_all: true, abort_message: "Enough" }, schema);
  assert.deepEqual(generator.aborted, ["chat", "", ": Enough"]);
  for (const body of [{}, { abort_all: false }]) {
    assert.equal((await fault(app, "/abort_request", body)).param, "rid");
  }
  // SGLang's defaults, written out: no request has this id.
  const defaults = { rid: "", abort_all: false, abort_message: null, finished_reason: null };
  for (const body of [{ rid: "" }, defaults]) {
    assert.deepEqual(await answer(app, "/abort_request", body, schema), { num_aborted: 0 });
  }
  assert.equal(generator.aborted.length, 3);
});
