// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { cacheKeysOf } from "../../../routes/generation/cache_keys.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf, fault, post } from "../../support/http.ts";

Deno.test("cache keys: equal pairs are equal, others differ, empty ones are none", () => {
  const keyOf = (cache_salt?: string, extra_key?: string) =>
    cacheKeysOf({ cache_salt, extra_key }, 1)[0]?.cacheKey;
  assert.deepEqual([keyOf(), keyOf(""), keyOf("", "")], [undefined, undefined, undefined]);
  assert.equal(keyOf("a", "b"), keyOf("a", "b"));
  const keys = [keyOf("a"), keyOf("", "a"), keyOf("a", "a"), keyOf("aa"), keyOf('a","a')];
  assert.equal(new Set(keys).size, keys.length);
});

Deno.test("cache keys: one for a batch or one each", async () => {
  const generator = new FakeGenerator();
  const body = { text: ["a", "b"], cache_salt: ["x", ""], extra_key: "y", sampling_params: { n: 2 } };
  assert.equal((await post(appOf(generator), "/generate", body)).status, 200);
  const keys = generator.seen.map(({ request }) => request.cacheKey);
  assert.deepEqual(keys, ['["x","y"]', '["x","y"]', '["","y"]', '["","y"]']);
  const { param } = await fault(appOf(generator), "/generate", { ...body, cache_salt: ["x"] });
  assert.equal(param, "cache_salt");
});

Deno.test("cache keys: /v1 takes them, chat one only", async () => {
  const generator = new FakeGenerator();
  const messages = [{ role: "user", content: "hi" }];
  await post(appOf(generator), "/v1/chat/completions", { messages, cache_salt: "x" });
  await post(appOf(generator), "/v1/completions", { prompt: ["a", "b"], extra_key: ["1", "2"] });
  await post(appOf(generator), "/v1/completions", { prompt: "a", cache_salt: null, extra_key: "" });
  assert.deepEqual(generator.seen.map(({ request }) => request.cacheKey), [
    '["x",""]',
    '["","1"]',
    '["","2"]',
    undefined,
  ]);
  const list = await fault(appOf(generator), "/v1/chat/completions", { messages, cache_salt: ["x"] });
  assert.deepEqual([list.status, list.param], [400, "cache_salt"]);
});
