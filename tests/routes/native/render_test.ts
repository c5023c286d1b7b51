// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import type { EncodeOptions } from "../../../runtime/contracts/chat.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf, fault, post } from "../../support/http.ts";

const chat = "/v1/chat/completions", completions = "/v1/completions";

/** What the generator was asked, and what the server says it would be asked. */
async function both(path: string, body: object) {
  const generator = new FakeGenerator();
  const app = appOf(generator, { defaultSeed: 1 });
  const rendered = await (await post(app, `${path}/render`, body)).json();
  assert.equal(generator.seen.length, 0, "nothing is generated");
  await (await post(app, path, body)).text();
  return { rendered, requests: generator.seen.map(({ request }) => request) };
}

Deno.test("render: a conversation is the tokens and the sampling of its answer", async () => {
  const messages = [{ role: "system", content: "Be" }, { role: "user", content: "Hi" }];
  const body = { messages, temperature: 0.5, max_tokens: 7, seed: 3, top_k: 5, stop: "x", stream: true };
  const { rendered, requests: [request] } = await both(chat, body);
  assert.deepEqual(rendered.token_ids, [...request!.promptTokens]);
  assert.equal(rendered.model, "org/tiny");
  assert.equal(rendered.stream, true);
  assert.match(rendered.request_id, /^chatcmpl-/);
  const { temperature, max_tokens, seed, top_k, stop, logprobs } = rendered.sampling_params;
  assert.deepEqual([temperature, max_tokens, seed, top_k, stop, logprobs], [0.5, 7, 3, 5, ["x"], null]);
});

Deno.test("render: prompts are a list, whatever their number, with the defaults of completions", async () => {
  const { rendered, requests } = await both(completions, { prompt: ["ab", "c"], logprobs: 2 });
  assert.deepEqual(
    rendered.map(({ token_ids }: { token_ids: number[] }) => token_ids),
    requests.map(({ promptTokens }) => [...promptTokens]),
  );
  const { max_tokens, logprobs, seed } = rendered[0].sampling_params;
  assert.deepEqual([max_tokens, logprobs, seed], [16, 2, null]);
  const { rendered: one } = await both(completions, { prompt: [1, 2, 3], seed: "9223372036854775807" });
  assert.deepEqual(one[0].token_ids, [1, 2, 3]);
  assert.equal(one[0].sampling_params.seed, "9223372036854775807");
});

Deno.test("render: prompts are read as the endpoint reads them, special tokens added or not", async () => {
  class MarkingGenerator extends FakeGenerator {
    override encode(text: string, options: EncodeOptions = {}): Promise<Int32Array> {
      return super.encode(options.addSpecialTokens ? `^${text}` : text);
    }
  }
  for (const add_special_tokens of [true, false]) {
    const generator = new MarkingGenerator(), app = appOf(generator);
    const body = { prompt: "ab", add_special_tokens };
    const [{ token_ids }] = await (await post(app, `${completions}/render`, body)).json();
    await (await post(app, completions, body)).text();
    assert.deepEqual(token_ids, [...generator.only.request.promptTokens]);
    assert.equal(token_ids.length, add_special_tokens ? 3 : 2);
  }
});

Deno.test("render: it takes no seed from the requests that draw", async () => {
  const seedAfter = async (numRendered: number) => {
    const generator = new FakeGenerator();
    const app = appOf(generator, { defaultSeed: 1 });
    for (let i = 0; i < numRendered; i++) {
      await (await post(app, `${completions}/render`, { prompt: "a" })).text();
    }
    await (await post(app, completions, { prompt: "a" })).text();
    return generator.only.request.sampling.seed;
  };
  assert.equal(await seedAfter(0), await seedAfter(3));
});

Deno.test("render: what the endpoint itself refuses is refused", async () => {
  const app = appOf(new FakeGenerator());
  const messages = [{ role: "user", content: "x".repeat(200) }];
  assert.equal((await fault(app, `${chat}/render`, { messages })).code, "context_length_exceeded");
  assert.equal((await fault(app, `${chat}/render`, { messages: [] })).param, "messages");
  assert.equal((await fault(app, `${completions}/render`, { prompt: "a", model: "b" })).param, "model");
});
