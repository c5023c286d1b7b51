// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Embeddings and hidden states over a real engine, and a server that only embeds.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { embeddingsResponse, encodeResult } from "../../routes/schema/embeddings.ts";
import { generateResult } from "../../routes/schema/generate.ts";
import { answer, type App, events, fault } from "../support/http.ts";
import { plain, testBothWays, withApp } from "../support/real_app.ts";

const texts = ["the rain in spain", "stays mainly", "in the plain, the rain in spain stays in the plain"];
const SIZE = 64;

/** Embeddings of `texts` as float32. */
async function embeddings(app: App, fields: object): Promise<Float32Array[]> {
  const { data } = await answer(app, "/v1/embeddings", { input: texts, ...fields }, embeddingsResponse);
  return data.map(({ embedding }) => {
    if (typeof embedding !== "string") return Float32Array.from(embedding);
    return new Float32Array(Uint8Array.from(atob(embedding), (character) => character.charCodeAt(0)).buffer);
  });
}

testBothWays(
  "embeddings: base64 and native answers hold the same numbers, cut ones are normalised",
  async (app) => {
    const all = await embeddings(app, {});
    assert.deepEqual(all.map(({ length }) => length), [SIZE, SIZE, SIZE]);
    assert.deepEqual(await embeddings(app, { encoding_format: "base64" }), all);
    const native = await answer(app, "/encode", { text: texts }, z.array(encodeResult));
    assert.deepEqual(native.map(({ embedding }) => Float32Array.from(embedding)), all);
    const cut = await embeddings(app, { dimensions: 5 });
    for (const [i, vector] of cut.entries()) {
      const first = all[i]!.subarray(0, 5), length = Math.hypot(...first);
      vector.forEach((value, at) => assert.ok(Math.abs(value - first[at]! / length) < 1e-6));
    }
    for (const vector of [...all, ...cut]) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6);
    const error = await fault(app, "/v1/embeddings", { input: "a", dimensions: SIZE + 1 });
    assert.deepEqual([error.status, error.param], [400, "dimensions"]);
  },
);

testBothWays(
  "generate: hidden states come one per token, before the first those of the prompt",
  async (app) => {
    const sampling_params = { temperature: 0, max_new_tokens: 20, ignore_eos: true };
    const request = { text: texts.slice(0, 2), sampling_params };
    const without = await answer(app, "/generate", request, z.array(generateResult));
    const asked = { ...request, return_hidden_states: [true, "last"] };
    const [full, last] = await answer(app, "/generate", asked, z.array(generateResult));
    assert.deepEqual(
      [full, last].map((result) => result?.output_ids),
      without.map((result) => result.output_ids),
    );
    const states = full!.meta_info.hidden_states as [number[][], ...number[][]];
    assert.equal(states.length, full!.meta_info.completion_tokens);
    assert.equal(states[0].length, full!.meta_info.prompt_tokens);
    assert.ok([...states[0], ...states.slice(1)].every((row) => row.length === SIZE));
    assert.equal(last!.meta_info.hidden_states!.length, SIZE);
    const chunks = await events(
      app,
      "/generate",
      { ...asked, text: texts[0], return_hidden_states: true },
      generateResult,
    );
    assert.deepEqual(chunks.at(-1)!.meta_info.hidden_states, states);
    assert.ok(chunks.slice(0, -1).every(({ meta_info }) => meta_info.hidden_states === undefined));
    // The state that a text ends with is what its embedding is made of.
    const [embedding] = await embeddings(app, {}), end = states[0].at(-1)!, length = Math.hypot(...end);
    embedding!.forEach((value, i) => assert.ok(Math.abs(value - end[i]! / length) < 1e-6));
    assert.equal(without[0]!.meta_info.hidden_states, undefined);
  },
);

Deno.test("generate: more hidden states than an answer holds are refused", () =>
  withApp(plain, async (app) => {
    const many = { input_ids: Array(1024).fill([1]), sampling_params: { max_new_tokens: 200 } };
    const error = await fault(app, "/generate", { ...many, return_hidden_states: true });
    assert.deepEqual([error.status, error.param], [400, "return_hidden_states"]);
  }));

Deno.test("--is-embedding: embeddings are served, and nothing that generates", () =>
  withApp({ ...plain, isEmbedding: true }, async (app) => {
    assert.equal((await embeddings(app, {})).length, 3);
    const generating = {
      "/generate": { text: "a" },
      "/v1/completions": { prompt: "a" },
      "/v1/chat/completions": { messages: [{ role: "user", content: "a" }] },
      "/v1/score": { items: "a", label_token_ids: [1] },
    };
    for (const [path, body] of Object.entries(generating)) {
      const { status, message, param } = await fault(app, path, body);
      assert.deepEqual([status, param], [400, "model"], path);
      assert.match(message, /started with --is-embedding/);
    }
    const { is_generation } = await (await app.request("/model_info")).json();
    assert.equal(is_generation, false);
    assert.equal((await app.request("/health_generate")).status, 200);
  }));
