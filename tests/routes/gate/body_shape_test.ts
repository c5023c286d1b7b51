import { strict as assert } from "node:assert";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf, fault, post } from "../../support/http.ts";

const chat = "/v1/chat/completions";
const withTools = (tools: string) => `{"messages":[{"role":"user","content":"a"}],"tools":${tools}}`;
const nested = (open: string, close: string, count: number) => open.repeat(count) + "1" + close.repeat(count);

for (
  const [name, body, reason] of [
    ["brackets without end", "[".repeat(4_000_000), /nested deeper than 64 levels/],
    ["nested lists", withTools(nested("[", "]", 2_000_000)), /nested deeper than 64 levels/],
    ["nested objects", withTools(nested('{"a":', "}", 500_000)), /nested deeper than 64 levels/],
    ["many lists", withTools(`[${"[],".repeat(1_000_000)}1]`), /more than 65536 lists and objects/],
    [
      "many keys",
      `{${Array.from({ length: 200_000 }, (_, i) => `"k${i}":1,`).join("")}"a":1}`,
      /50000 object keys/,
    ],
    ["many values", `{"input_ids":[${"1,".repeat(1_500_000)}1]}`, /more than 1048576 values/],
  ] as const
) {
  Deno.test(`a body that is slow to parse is refused: ${name}`, async () => {
    const error = await fault(appOf(new FakeGenerator()), chat, body);
    assert.equal(error.status, 400);
    assert.equal(error.param, "body");
    assert.match(error.message, reason);
  });
}

Deno.test("brackets, colons and commas in strings do not count", async () => {
  const content = '":,[{\\\\"'.repeat(60_000) + "\\";
  const generator = new FakeGenerator();
  const response = await post(appOf(generator), chat, { messages: [{ role: "user", content }] });
  // The generator's context is 100 tokens: the text has been read.
  assert.match((await response.json()).message, /is longer than the model's context length/);
});

Deno.test("a wrong message is named although the list is checked in slices", async () => {
  const messages = Array.from({ length: 8000 }, (_, i) => ({ role: "user", content: i === 7000 ? 1 : "a" }));
  const error = await fault(appOf(new FakeGenerator()), chat, { messages });
  assert.equal(error.status, 400);
  assert.equal(error.param, "messages[7000].content");
  const many = await fault(appOf(new FakeGenerator()), chat, { messages: [...messages, ...messages] });
  assert.match(many.message, /^Cannot accept messages: 16000 entries, at most 8192 are allowed/);
  const none = await fault(appOf(new FakeGenerator()), chat, { messages: [] });
  assert.equal(none.param, "messages");
});
