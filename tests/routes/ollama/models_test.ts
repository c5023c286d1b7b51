/**
 * @module
 */
import { strict as assert } from "node:assert";
import {
  ollamaRunning,
  ollamaShowResponse,
  ollamaTags,
  ollamaVersion,
} from "../../../routes/schema/ollama_answer.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { answer, appOf, post } from "../../support/http.ts";
import { Reasoner } from "../../support/reasoner.ts";

Deno.test("ollama: models are listed by name and tag, and shown by what was listed", async () => {
  const generator = new FakeGenerator();
  generator.model = { ...generator.model, modelAliases: ["other:8b"] };
  generator.memory = { ...generator.memory, weight: 2 };
  const app = appOf(generator);
  const { models } = ollamaTags.strict().parse(await (await app.request("/api/tags")).json());
  assert.deepEqual(models.map(({ name, size }) => [name, size]), [
    ["org/tiny:latest", 2 * 2 ** 30],
    ["other:8b", 2 * 2 ** 30],
  ]);
  for (const { name } of models) {
    const shown = await answer(app, "/api/show", { model: name }, ollamaShowResponse.strict());
    assert.deepEqual([shown.template, shown.model_info["llama.context_length"]], ["{{ messages }}", 100]);
    assert.deepEqual(await answer(app, "/api/show", { name }, ollamaShowResponse), shown);
  }
  assert.equal((await post(app, "/api/show", { model: "llama3" })).status, 404);
  assert.equal((await post(app, "/api/show", {})).status, 400);
  const running = ollamaRunning.parse(await (await app.request("/api/ps")).json());
  assert.deepEqual(running.models.map(({ name }) => name), ["org/tiny:latest", "other:8b"]);
});

Deno.test("ollama: what a model can is read from its chat template", async () => {
  const capabilitiesOf = async (generator: FakeGenerator) => {
    const body = { model: generator.model.servedModelName };
    return (await answer(appOf(generator), "/api/show", body, ollamaShowResponse)).capabilities;
  };
  assert.deepEqual(await capabilitiesOf(new FakeGenerator()), ["completion", "tools"]);
  assert.deepEqual(await capabilitiesOf(new Reasoner(() => [])), ["completion", "tools", "thinking"]);
});

Deno.test("ollama: the version is one that clients can compare", async () => {
  const { version } = ollamaVersion.parse(
    await (await appOf(new FakeGenerator()).request("/api/version")).json(),
  );
  assert.match(version, /^\d+\.\d+\.\d+$/);
});

Deno.test("ollama: what would change the models says why not", async () => {
  const app = appOf(new FakeGenerator());
  for (const path of ["pull", "push", "create", "copy", "blobs/sha256:00"]) {
    const response = await post(app, `/api/${path}`, { model: "llama3" }), { error } = await response.json();
    assert.deepEqual(
      [response.status, /^Cannot .*: the server has the model/.test(error)],
      [400, true],
      error,
    );
  }
  assert.equal((await app.request("/api/delete", { method: "DELETE", body: "{}" })).status, 400);
});
