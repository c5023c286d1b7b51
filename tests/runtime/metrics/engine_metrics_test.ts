/**
 * @module
 */
import { strict as assert } from "node:assert";
import type { Engine } from "../../../runtime/engine/engine.ts";
import { readExposition, valueOf } from "../../support/exposition.ts";
import { collect, requestOf, startTestEngine } from "../../support/test_engine.ts";

async function read(engine: Engine) {
  return readExposition(await engine.metrics() ?? assert.fail("there are no metrics"));
}

Deno.test("metrics count requests and tokens, streams apart", async () => {
  await using engine = await startTestEngine();
  const sampling = { maxTokens: 5, ignoreEos: true };
  await collect(engine.generate(requestOf("a", [1, 2, 3], sampling)));
  await collect(engine.generate({ ...requestOf("b", [4, 5], sampling), origin: { isStreaming: true } }));
  const families = await read(engine);
  for (const [stream, numPromptTokens] of [["false", 3], ["true", 2]] as const) {
    const at = (name: string) => valueOf(families, name, { is_streaming: stream });
    assert.equal(at("sglang:num_requests_total"), 1);
    assert.equal(at("sglang:prompt_tokens_total"), numPromptTokens);
    assert.equal(at("sglang:generation_tokens_total"), 5);
    assert.equal(at("sglang:time_to_first_token_seconds"), 1);
    assert.equal(at("sglang:e2e_request_latency_seconds"), 1);
  }
  assert.equal(valueOf(families, "sglang:inter_token_latency_seconds"), 8, "each token but the first");
  assert.equal(valueOf(families, "sglang:queue_time_seconds"), 2);
  assert.equal(valueOf(families, "sglang:num_aborted_requests_total"), 0);
  assert.equal(valueOf(families, "sglang:realtime_tokens_total", { mode: "decode" }), 10);
});

Deno.test("who leaves is counted as aborted, and the server's own requests not at all", async () => {
  await using engine = await startTestEngine();
  for await (const _ of engine.generate(requestOf("a", [1], { maxTokens: 200, ignoreEos: true }))) break;
  const own = { ...requestOf("b", [2], { maxTokens: 3 }), origin: { isOwn: true } };
  await collect(engine.generate(own));
  const families = await read(engine);
  assert.equal(valueOf(families, "sglang:num_aborted_requests_total"), 1);
  assert.equal(valueOf(families, "sglang:num_requests_total", { is_streaming: "false" }), 1);
});

Deno.test("a stop text that ends a request is no abort", async () => {
  await using engine = await startTestEngine({ next: () => 1 });
  const { finish } = await collect(engine.generate(requestOf("a", [1], { stop: ["aaa"], maxTokens: 50 })));
  assert.equal(finish?.type, "stop");
  assert.equal(valueOf(await read(engine), "sglang:num_aborted_requests_total"), 0);
});

Deno.test("a request that is refused is not among those that ended", async () => {
  await using engine = await startTestEngine();
  await assert.rejects(collect(engine.generate(requestOf("a", new Array(5000).fill(1)))));
  assert.deepEqual((await read(engine)).get("sglang:num_requests_total")?.samples, []);
});

Deno.test("the tokenizer's time is taken, whether or not it can read the text", async () => {
  await using engine = await startTestEngine();
  await engine.encode("ab");
  await assert.rejects(engine.encode("z"));
  await engine.renderChat([{ role: "user", content: "a" }]);
  const families = await read(engine);
  const at = (operation: string) => valueOf(families, "aerie:tokenizer_seconds", { operation });
  assert.deepEqual([at("encode"), at("render_chat")], [2, 1]);
});

Deno.test("who asks while others wait for their metrics gets the same", async () => {
  await using engine = await startTestEngine();
  const [one, two] = [engine.metrics(), engine.metrics()];
  assert.equal(one, two);
  await one;
  const three = engine.metrics();
  assert.notEqual(three, one);
  await three;
});

Deno.test("without metrics nothing is reported, and generations run", async () => {
  await using engine = await startTestEngine({ args: { enableMetrics: false } });
  assert.equal((await collect(engine.generate(requestOf("a", [1], { maxTokens: 2 })))).tokens.length, 2);
  assert.equal(await engine.metrics(), undefined);
});
