// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { OverloadedError } from "../../../runtime/contracts/errors.ts";
import type { Embedding, EmbeddingRequest } from "../../../runtime/contracts/generation.ts";
import { embeddingsResponse, encodeResult } from "../../../routes/schema/embeddings.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { answer, appOf, fault, post, until } from "../../support/http.ts";

const embed = (generator: FakeGenerator, body: object) =>
  answer(appOf(generator), "/v1/embeddings", body, embeddingsResponse);

/** Counts the embeddings under way, and refuses those from `numTaken` on. */
class CountingGenerator extends FakeGenerator {
  most = 0;
  numLive = 0;
  readonly #numTaken: number;

  constructor(numTaken = Infinity) {
    super();
    this.#numTaken = numTaken;
  }

  override async embed(request: EmbeddingRequest, signal?: AbortSignal): Promise<Embedding> {
    this.most = Math.max(this.most, ++this.numLive);
    const isRefused = this.embedded.length >= this.#numTaken;
    try {
      const embedding = await super.embed(request, signal);
      if (isRefused) throw new OverloadedError("Cannot queue request: full");
      return embedding;
    } finally {
      this.numLive--;
    }
  }
}

Deno.test("embeddings: every form of input, in order", async () => {
  const forms: [unknown, number[]][] = [
    ["abc", [3]],
    [["abc", "d"], [3, 1]],
    [[1, 2], [2]],
    [[[1, 2], [3]], [2, 1]],
  ];
  for (const [input, lengths] of forms) {
    const generator = new FakeGenerator();
    const { data, usage, model, object } = await embed(generator, { input, model: "org/tiny", user: "me" });
    assert.deepEqual([object, model], ["list", "org/tiny"]);
    assert.deepEqual(data.map(({ index, embedding }) => [index, embedding]), [
      ...lengths.map((length, index) => [index, [length, 0, 0, 0]]),
    ]);
    const numTokens = lengths.reduce((sum, length) => sum + length, 0);
    assert.deepEqual(usage, { prompt_tokens: numTokens, total_tokens: numTokens });
    assert.ok(generator.embedded.every(({ origin }) => origin?.operation === "embeddings"));
    assert.equal(new Set(generator.embedded.map(({ batch }) => batch?.id)).size, 1);
  }
});

Deno.test("embeddings: base64 holds the numbers as float32, and dimensions reach the engine", async () => {
  const generator = new FakeGenerator();
  const { data } = await embed(generator, { input: "abc", encoding_format: "base64", dimensions: 2 });
  const bytes = Uint8Array.from(atob(data[0]!.embedding as string), (character) => character.charCodeAt(0));
  assert.deepEqual(new Float32Array(bytes.buffer), Float32Array.of(3, 0));
  assert.equal(generator.embedded[0]!.dimensions, 2);
});

Deno.test("embeddings: a long list is embedded no more at once than the batch holds", async () => {
  const generator = new CountingGenerator();
  const input = Array.from({ length: 2048 }, (_, i) => "x".repeat(1 + i % 5));
  const { data } = await embed(generator, { input });
  assert.deepEqual(data.map(({ embedding }) => embedding[0]), input.map(({ length }) => length));
  assert.equal(generator.most, generator.model.maxRunningRequests);
  const batches = generator.embedded.map(({ batch }) => batch?.numFollowing);
  assert.deepEqual(batches.slice(0, 9), [7, 6, 5, 4, 3, 2, 1, 0, undefined]);
  assert.equal(new Set(generator.embedded.map(({ requestId }) => requestId)).size, 2048);
  const { message } = await fault(appOf(generator), "/v1/embeddings", { input: [...input, "x"] });
  assert.match(message, /at most 2048/);
});

Deno.test("embeddings: one that fails ends the others", async () => {
  const generator = new CountingGenerator(20);
  const { status } = await fault(appOf(generator), "/v1/embeddings", { input: Array(50).fill("a") });
  assert.equal(status, 429);
  assert.ok(generator.embedded.length < 40, "no more are begun");
  await until(() => generator.numLive === 0);
});

Deno.test("embeddings: a client that leaves ends them", async () => {
  const generator = new CountingGenerator(), leaving = new AbortController();
  const body = { input: Array(100).fill("a") };
  const left = post(appOf(generator), "/v1/embeddings", body, {
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
    signal: leaving.signal,
  });
  await until(() => generator.numLive > 0);
  leaving.abort();
  assert.equal((await left).status, 499);
  assert.ok(generator.embedded.length < 100);
  await until(() => generator.numLive === 0);
});

Deno.test("embeddings: what is wrong or not supported is named", async (t) => {
  const long = "x".repeat(7000);
  const cases: [path: string, body: object, param: string][] = [
    ["/v1/embeddings", {}, "input"],
    ["/v1/embeddings", { input: "" }, "input"],
    ["/v1/embeddings", { input: [] }, "input"],
    ["/v1/embeddings", { input: ["a", ""] }, "input[1]"],
    ["/v1/embeddings", { input: [[1], []] }, "input"],
    ["/v1/embeddings", { input: [256] }, "input"],
    ["/v1/embeddings", { input: Array(2049).fill("a") }, "input"],
    ["/v1/embeddings", { input: "x".repeat(100) }, "input"],
    ["/v1/embeddings", { input: long }, "input"],
    ["/v1/embeddings", { input: "a", dimensions: 0 }, "dimensions"],
    ["/v1/embeddings", { input: "a", encoding_format: "int8" }, "encoding_format"],
    ["/v1/embeddings", { input: "a", lora_path: "x" }, "lora_path"],
    ["/v1/embeddings", { input: "a", stream: true }, "stream"],
    ["/encode", {}, "text"],
    ["/encode", { text: "a", input_ids: [1] }, "input_ids"],
    ["/encode", { text: ["a", "b"], rid: ["x"] }, "rid"],
    ["/encode", { text: [["a", "b"]], is_cross_encoder_request: true }, "text"],
    ["/v1/rerank", { query: "a", documents: ["b"] }, "model"],
    ["/rerank", { query: "a", documents: ["b"] }, "model"],
    ["/classify", { text: "a" }, "model"],
    ["/v1/classify", { input: "a" }, "model"],
  ];
  for (const [path, body, param] of cases) {
    await t.step(`${path} ${JSON.stringify(body).slice(0, 60)}`, async () => {
      const error = await fault(appOf(new FakeGenerator()), path, body);
      assert.deepEqual([error.status, error.param?.slice(0, param.length)], [400, param], error.message);
    });
  }
  const rerank = await fault(appOf(new FakeGenerator()), "/v1/rerank", {});
  assert.match(rerank.message, /org\/tiny is no cross-encoder, but a LlamaForCausalLM/);
});

Deno.test("encode: SGLang's form, one and many", async () => {
  const generator = new FakeGenerator(), app = appOf(generator);
  const body = { input_ids: [5, 6], rid: "mine", return_prompt_token_ids: true, sampling_params: { n: 3 } };
  const one = await answer(app, "/encode", body, encodeResult);
  assert.deepEqual([one.embedding, one.prompt_token_ids], [[2, 0, 0, 0], [5, 6]]);
  const { e2e_latency: seconds, ...meta } = one.meta_info;
  assert.ok(seconds! >= 0);
  assert.deepEqual(meta, {
    id: "mine",
    finish_reason: { type: "length", length: 0 },
    prompt_tokens: 2,
    cached_tokens: 3,
    num_retractions: 0,
    weight_version: "default",
  });
  const many = await answer(app, "/encode", { text: ["a", "bc"], rid: "r" }, z.array(encodeResult));
  assert.deepEqual(many.map(({ embedding, meta_info: { id } }) => [id, embedding[0]]), [["r-0", 1], [
    "r-1",
    2,
  ]]);
});
