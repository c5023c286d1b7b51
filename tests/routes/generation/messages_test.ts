// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Message histories as clients send them.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { chatResponse } from "../../../routes/schema/chat.ts";
import type { ChatMessage, RenderOptions } from "../../../runtime/contracts/chat.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { answer, appOf, fault } from "../../support/http.ts";

const path = "/v1/chat/completions";
const user = { role: "user", content: "Weather?" };

/** What the template gets of a body that is accepted. */
async function rendered(body: object): Promise<{ messages: readonly ChatMessage[]; options: RenderOptions }> {
  const generator = new FakeGenerator();
  await answer(appOf(generator), path, { messages: [user], ...body }, chatResponse);
  assert.equal(generator.rendered.length, 1);
  return generator.rendered[0]!;
}

const messagesOf = async (...messages: object[]) =>
  (await rendered({ messages: [user, ...messages] })).messages.slice(1);

Deno.test("messages: calls of tools and answers to them reach the template", async () => {
  const calls = [{
    id: "c1",
    type: "function",
    index: 0,
    function: { name: "weather", arguments: '{"a":1}' },
  }];
  assert.deepEqual(
    await messagesOf(
      { role: "assistant", content: null, tool_calls: calls },
      { role: "tool", tool_call_id: "c1", content: [{ type: "text", text: "18" }] },
    ),
    [
      { role: "assistant", content: "", toolCalls: [{ id: "c1", name: "weather", arguments: '{"a":1}' }] },
      { role: "tool", content: "18", contentParts: ["18"], toolCallId: "c1" },
    ],
  );
});

Deno.test("messages: the older form of calls is rendered as the newer", async () => {
  assert.deepEqual(
    await messagesOf(
      { role: "assistant", function_call: { name: "weather", arguments: { a: 1 } } },
      { role: "function", name: "weather", content: "18" },
    ),
    [
      { role: "assistant", content: "", toolCalls: [{ name: "weather", arguments: { a: 1 } }] },
      { role: "tool", content: "18", name: "weather" },
    ],
  );
});

Deno.test("messages: what an assistant may leave empty", async (t) => {
  for (const fields of [{}, { content: null }, { content: "", tool_calls: [], reasoning_content: "" }]) {
    await t.step(JSON.stringify(fields), async () => {
      assert.deepEqual(await messagesOf({ role: "assistant", ...fields }), [{
        role: "assistant",
        content: "",
      }]);
    });
  }
});

Deno.test("messages: refusals are what the assistant said", async () => {
  assert.deepEqual(
    await messagesOf(
      { role: "assistant", content: null, refusal: "No." },
      { role: "assistant", content: [{ type: "text", text: "Well" }, { type: "refusal", refusal: "no." }] },
    ),
    [
      { role: "assistant", content: "No." },
      { role: "assistant", content: "Well no.", contentParts: ["Well", "no."] },
    ],
  );
});

Deno.test("messages: reasoning goes by two names", async () => {
  const [one, other] = await messagesOf(
    { role: "assistant", content: "18", reasoning_content: "hm" },
    { role: "assistant", content: "18", reasoning: "hm" },
  );
  assert.deepEqual(one, { role: "assistant", content: "18", reasoning: "hm" });
  assert.deepEqual(other, one);
});

Deno.test("messages: hints for caches of prompts are accepted on parts and messages", async () => {
  const part = { type: "text", text: "a", cache_control: { type: "ephemeral", ttl: "5m" } };
  const other = { type: "text", text: "b", prompt_cache_breakpoint: { mode: "explicit" } };
  assert.deepEqual(await messagesOf({ role: "user", content: [part, other] }), [{
    role: "user",
    content: "a b",
    contentParts: ["a", "b"],
  }]);
  const whole = { role: "user", content: "a", cache_control: { type: "ephemeral" } };
  assert.deepEqual(await messagesOf(whole), [{ role: "user", content: "a" }]);
});

Deno.test("messages: fields reach the template as its options", async (t) => {
  const reasoning = (enabled: boolean, param: string, effort?: string | number) => ({
    reasoning: { enabled, param, ...(effort !== undefined && { effort }) },
  });
  const cases: [body: object, options: RenderOptions][] = [
    [{}, {}],
    [{ chat_template_kwargs: { enable_thinking: false, a: [1] } }, {
      variables: { enable_thinking: false, a: [1] },
    }],
    [{ add_generation_prompt: false }, { addGenerationPrompt: false }],
    [{ reasoning_effort: "none" }, reasoning(false, "reasoning_effort", "none")],
    [{ reasoning_effort: "high" }, reasoning(true, "reasoning_effort", "high")],
    [{ reasoning_effort: 0.5 }, reasoning(true, "reasoning_effort", 0.5)],
    [{ reasoning: { effort: "low" } }, reasoning(true, "reasoning", "low")],
    [{ reasoning: { enabled: false } }, reasoning(false, "reasoning")],
    [{ enable_thinking: false, reasoning_effort: "low" }, reasoning(false, "enable_thinking", "low")],
    [{ thinking: true }, reasoning(true, "thinking")],
    [{ thinking: { type: "adaptive", effort: "low" } }, reasoning(true, "thinking", "low")],
    [{ thinking: { type: "disabled" } }, reasoning(false, "thinking")],
    [{ include_reasoning: true, separate_reasoning: false, stream_reasoning: false }, {}],
  ];
  for (const [body, options] of cases) {
    await t.step(JSON.stringify(body), async () => assert.deepEqual((await rendered(body)).options, options));
  }
});

Deno.test("messages: what cannot be is named", async (t) => {
  const assistant = (fields: object) => ({ messages: [user, { role: "assistant", ...fields }] });
  const deep = (levels: number): unknown => levels === 0 ? 1 : [deep(levels - 1)];
  const cases: [body: object, param: string, message?: RegExp][] = [
    [{ messages: [{ role: "user", content: null }] }, "messages[0].content"],
    [{ messages: [{ role: "tool" }] }, "messages[0].content"],
    [
      { messages: [{ ...user, reasoning_content: "hm" }] },
      "messages[0].reasoning_content",
      /only allowed with role/,
    ],
    [{ messages: [{ ...user, tool_calls: [{ function: { name: "f" } }] }] }, "messages[0].tool_calls"],
    [
      { messages: [{ role: "user", content: [{ type: "refusal", refusal: "no" }] }] },
      "messages[0].content[0].type",
    ],
    [
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:," } }] }] },
      "messages[0].content[0].type",
      /expected text: other parts are not supported yet/,
    ],
    [
      assistant({ tool_calls: [{ type: "custom", custom: { name: "f", input: "x" } }] }),
      "messages[1].tool_calls[0].type",
      /calls of other tools are not supported yet/,
    ],
    [
      { messages: [{ role: "user", content: [{ type: "text", text: "a", cache_contro: {} }] }] },
      "messages[0].content[0].cache_contro",
      /did you mean cache_control\?$/,
    ],
    [{ chat_template_kwargs: { messages: [] } }, "chat_template_kwargs.messages", /the name is taken/],
    [{ chat_template_kwargs: { range: 1 } }, "chat_template_kwargs.range", /the name is taken/],
    [{ chat_template_kwargs: { "a b": 1 } }, "chat_template_kwargs.a b", /name of a variable/],
    [{ chat_template_kwargs: [1] }, "chat_template_kwargs"],
    [{ chat_template_kwargs: { a: deep(40) } }, "chat_template_kwargs", /nested at most 32/],
    [{ chat_template_kwargs: { a: Array(5000).fill(0) } }, "chat_template_kwargs", /at most 4096 values/],
    [{ reasoning_effort: "hard" }, "reasoning_effort", /expected none, minimal/],
    [
      { thinking: { type: "enabled", budget_tokens: 100 } },
      "thinking.budget_tokens",
      /template knows no reasoning/,
    ],
    [
      { ...assistant({ content: "x" }), continue_final_message: true, add_generation_prompt: true },
      "add_generation_prompt",
    ],
  ];
  const generator = new FakeGenerator(), app = appOf(generator);
  for (const [body, param, message = /^Cannot accept /] of cases) {
    await t.step(JSON.stringify(body).slice(0, 90), async () => {
      const error = await fault(app, path, { messages: [user], ...body });
      assert.equal(error.param, param, error.message);
      assert.match(error.message, message);
    });
  }
  assert.equal(generator.rendered.length, 0);
});
