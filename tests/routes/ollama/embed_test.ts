// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { ollamaEmbeddingsResponse, ollamaEmbedResponse } from "../../../routes/schema/ollama_answer.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { answer, appOf, post } from "../../support/http.ts";

const model = "org/tiny:latest";

Deno.test("ollama: texts are embedded in their order, and their tokens counted", async () => {
  const generator = new FakeGenerator(), app = appOf(generator);
  const schema = ollamaEmbedResponse.strict();
  const { embeddings, prompt_eval_count } = await answer(
    app,
    "/api/embed",
    { model, input: ["ab", "c"] },
    schema,
  );
  assert.deepEqual(embeddings.map(([numTokens]) => numTokens), [2, 1]);
  assert.equal(prompt_eval_count, 3);
  const one = await answer(app, "/api/embed", { model, input: "abc", dimensions: 2, truncate: true }, schema);
  assert.deepEqual(one.embeddings.map(({ length }) => length), [2]);
  const old = { model, prompt: "abc", keep_alive: "5m" };
  const { embedding } = await answer(app, "/api/embeddings", old, ollamaEmbeddingsResponse.strict());
  assert.equal(embedding[0], 3);
});

Deno.test("ollama: no text asks whether the model is loaded", async () => {
  const generator = new FakeGenerator(), app = appOf(generator);
  for (const input of [undefined, "", []]) {
    const { embeddings } = await answer(app, "/api/embed", { model, input }, ollamaEmbedResponse);
    assert.deepEqual(embeddings, []);
  }
  const { embedding } = await answer(app, "/api/embeddings", { model, prompt: "" }, ollamaEmbeddingsResponse);
  assert.deepEqual([embedding, generator.embedded.length], [[], 0]);
});

Deno.test("ollama: a text that cannot be embedded is refused by name", async () => {
  const app = appOf(new FakeGenerator());
  const response = await post(app, "/api/embed", { model, input: ["a", ""] });
  const { error } = await response.json();
  assert.deepEqual([response.status, /input/.test(error)], [400, true], error);
});
