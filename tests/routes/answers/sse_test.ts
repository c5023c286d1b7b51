/**
 * @module
 */
import { strict as assert } from "node:assert";
import { eventStream } from "../../../routes/answers/sse.ts";
import { OverloadedError } from "../../../runtime/contracts/errors.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf, post } from "../../support/http.ts";

Deno.test("sse: a failure in mid-stream is the last event before the end, and aborts the rest", async () => {
  const script = [{ text: "H", tokens: [72] }, new OverloadedError("Cannot go on", 1)];
  const generator = new FakeGenerator((_, index) => index === 0 ? script : [{ text: "X" }, "wait"]);
  const response = await post(appOf(generator), "/generate", { text: ["a", "b"], stream: true });
  assert.equal(response.status, 200);
  const events = (await response.text()).split("\n\n");
  assert.deepEqual(events.slice(-2), ["data: [DONE]", ""]);
  const { error, code } = JSON.parse(events.at(-3)?.slice("data: ".length) ?? "");
  assert.deepEqual([error.message, error.code, code], ["Cannot go on", "rate_limit_exceeded", 429]);
  assert.equal(generator.seen[1]?.signal?.aborted, true);
});

Deno.test("sse: silence is filled with comments, before the first event too", async () => {
  const release = Promise.withResolvers<void>();
  async function* events() {
    await release.promise;
    yield { n: 1 };
    await release.promise;
  }
  const response = await eventStream(events(), {
    abort: new AbortController(),
    pingMs: 1,
    failed: () => [],
  });
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body!) {
    text += decoder.decode(bytes);
    if (text.startsWith(": ping\n\n: ping\n\n")) release.resolve();
  }
  assert.match(text, /^(: ping\n\n){2,}data: {"n":1}\n\n(: ping\n\n)*data: \[DONE\]\n\n$/);
});

Deno.test("sse: characters outside ASCII arrive whole", async () => {
  async function* events() {
    yield "h\u00e9\u{1F600}\n\n";
  }
  const response = await eventStream(events(), {
    abort: new AbortController(),
    pingMs: 1000,
    failed: () => [],
  });
  assert.equal(await response.text(), 'data: "h\u00e9\u{1F600}\\n\\n"\n\ndata: [DONE]\n\n');
});
