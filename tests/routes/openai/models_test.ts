/**
 * @module
 */
import { strict as assert } from "node:assert";
import { completionResponse } from "../../../routes/schema/completions.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { answer, appOf, fault } from "../../support/http.ts";

Deno.test("models: the list has the served model", async () => {
  const { object, data } = await (await appOf(new FakeGenerator()).request("/v1/models")).json();
  assert.equal(object, "list");
  const [{ created, ...card }] = data;
  assert.ok(Number.isInteger(created));
  assert.deepEqual(card, {
    id: "org/tiny",
    object: "model",
    owned_by: "sglang",
    root: "/models/tiny",
    max_model_len: 100,
  });
});

Deno.test("models: one by name, its slash escaped or not", async () => {
  const app = appOf(new FakeGenerator());
  for (const path of ["/v1/models/org%2Ftiny", "/v1/models/org/tiny"]) {
    const response = await app.request(path);
    assert.equal(response.status, 200);
    assert.equal((await response.json()).id, "org/tiny");
  }
});

Deno.test("models: other names are listed and answered, the first is that of answers", async () => {
  const generator = new FakeGenerator(), app = appOf(generator);
  generator.model = { ...generator.model, modelAliases: ["gpt-9", "small"] };
  const { data } = await (await app.request("/v1/models")).json();
  assert.deepEqual(data.map(({ id }: { id: string }) => id), ["org/tiny", "gpt-9", "small"]);
  assert.equal((await (await app.request("/v1/models/small")).json()).id, "small");
  for (const model of ["small", "org/tiny", "default", "", null]) {
    const body = await answer(app, "/v1/completions", { prompt: "x", model }, completionResponse);
    assert.equal(body.model, "org/tiny");
  }
  assert.equal((await fault(app, "/v1/completions", { prompt: "x", model: "gpt" })).status, 404);
});

Deno.test("models: another is a 404 that names the field", async () => {
  for (const path of ["/v1/models/gpt-9", "/v1/models/org/gpt-9"]) {
    const response = await appOf(new FakeGenerator()).request(path);
    assert.equal(response.status, 404);
    assert.equal((await response.json()).error.param, "model");
  }
});
