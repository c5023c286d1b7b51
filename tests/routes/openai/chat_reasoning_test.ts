/**
 * Reasoning of chats: how it is told apart from content, bounded and counted.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { chatResponse } from "../../../routes/schema/chat.ts";
import { usage } from "../../../routes/schema/fields.ts";
import { FakeGenerator, spell } from "../../support/fake_generator.ts";
import { answer, appOf, events, fault } from "../../support/http.ts";
import { BEGIN, END, Reasoner, write } from "../../support/reasoner.ts";

const path = "/v1/chat/completions";
const messages = [{ role: "user", content: "Hi" }];

const thinking = ["<think>", "\nOne", " two", "\n", "</think>", "\n\nYes", "."];

const chunk = z.object({
  choices: z.array(z.object({
    delta: z.object({
      content: z.string().optional(),
      reasoning_content: z.string().nullable(),
      reasoning: z.string().optional(),
    }),
  })),
  usage: usage.optional(),
});

Deno.test("chat reasoning: it is told apart, whole and streamed, and counted", async () => {
  const app = appOf(new Reasoner(() => write(...thinking)));
  const { choices: [choice], usage } = await answer(app, path, { messages }, chatResponse);
  assert.equal(choice!.message.reasoning_content, "One two");
  assert.equal(choice!.message.reasoning, "One two");
  assert.equal(choice!.message.content, "Yes.");
  assert.deepEqual(usage.completion_tokens_details, { reasoning_tokens: 5 });
  assert.equal(usage.reasoning_tokens, 5);
  const chunks = await events(
    appOf(new Reasoner(() => write(...thinking))),
    path,
    { messages, stream_options: { include_usage: true } },
    chunk,
  );
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  assert.deepEqual(deltas.flatMap((delta) => delta.reasoning_content ?? []), ["One", " two"]);
  assert.deepEqual(deltas.flatMap((delta) => delta.reasoning ?? []), ["One", " two"]);
  assert.deepEqual(deltas.flatMap((delta) => delta.content ?? []), ["", "Yes", "."]);
  assert.equal(chunks.at(-1)!.usage?.reasoning_tokens, 5);
});

Deno.test("chat reasoning: where the prompt opens or closes it, the answer need not", async (t) => {
  const cases = [
    ["<think>\n", ["One", "</think>", "\n\nYes"], "One", "Yes", 2],
    ["<think>\n", ["One"], "One", "", 2],
    ["<think>\n\n</think>\n\n", ["Yes"], null, "Yes", undefined],
    ["", ["Yes", "<think>", "</think>"], null, "Yes<think></think>", undefined],
  ] as const;
  for (const [opening, texts, reasoning, content, numTokens] of cases) {
    await t.step(JSON.stringify([opening, texts]), async () => {
      const generator = new Reasoner(() => write(...texts));
      generator.opening = opening;
      const { choices: [choice], usage } = await answer(appOf(generator), path, { messages }, chatResponse);
      assert.equal(choice!.message.reasoning_content, reasoning);
      assert.equal(choice!.message.content, content);
      assert.equal(usage.reasoning_tokens, numTokens);
    });
  }
});

Deno.test("chat reasoning: it may stay in the content, or come at once", async () => {
  const chosen = async (fields: object) => {
    const app = appOf(new Reasoner(() => write(...thinking)));
    const chunks = await events(app, path, { messages, ...fields }, chunk);
    const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
    return {
      reasoning: deltas.flatMap((delta) => delta.reasoning_content ?? []),
      content: deltas.map((delta) => delta.content ?? "").join(""),
    };
  };
  for (const field of ["separate_reasoning", "include_reasoning"]) {
    assert.deepEqual(await chosen({ [field]: false }), { reasoning: [], content: thinking.join("") });
  }
  assert.deepEqual(await chosen({ stream_reasoning: false }), { reasoning: ["One two"], content: "Yes." });
});

Deno.test("chat reasoning: a continued answer stands where its beginning does", async () => {
  const continued = (content: string) => ({
    messages: [...messages, { role: "assistant", content }],
    continue_final_message: true,
  });
  const run = async (content: string) => {
    const app = appOf(new Reasoner(() => write("two", "</think>", "Yes")));
    return (await answer(app, path, continued(content), chatResponse)).choices[0]!.message;
  };
  assert.deepEqual((await run("<think>One ")).reasoning_content, "two");
  assert.deepEqual((await run("<think>One</think>")).content, "two</think>Yes");
  assert.deepEqual((await run("One ")).content, "two</think>Yes");
});

Deno.test("chat reasoning: a budget is enforced by tokens, and grammars begin behind the reasoning", async (t) => {
  const tools = [{ type: "function", function: { name: "f", parameters: {} } }];
  const cases = [
    ["", { thinking_budget: 3 }, { startToken: BEGIN, endTokens: [END], maxTokens: 3 }],
    ["<think>\n", { thinking_budget: 0 }, { endTokens: [END], maxTokens: 0 }],
    ["", { thinking_token_budget: 3 }, { startToken: BEGIN, endTokens: [END], maxTokens: 3 }],
    ["", { thinking: { type: "enabled", budget_tokens: 3 } }, {
      startToken: BEGIN,
      endTokens: [END],
      maxTokens: 3,
    }],
    ["", { reasoning: { max_tokens: 3 } }, { startToken: BEGIN, endTokens: [END], maxTokens: 3 }],
    ["", { tools, tool_choice: "required" }, { startToken: BEGIN, endTokens: [END] }],
    ["<think></think>", { tools, tool_choice: "required" }, undefined],
    ["<think></think>", { thinking_budget: 3 }, undefined],
    ["", {}, undefined],
  ] as const;
  for (const [opening, fields, expected] of cases) {
    await t.step(JSON.stringify([opening, fields]), async () => {
      const generator = new Reasoner(() => spell("Hi"));
      generator.opening = opening;
      await answer(appOf(generator), path, { messages, ...fields }, chatResponse);
      const { constraint, shownTokens } = generator.only.request;
      assert.deepEqual(constraint?.thinking, expected);
      assert.equal(constraint?.grammar !== undefined, "tools" in fields);
      assert.equal(shownTokens?.includes(END) ?? false, !opening.includes("</think>"));
    });
  }
});

Deno.test("chat reasoning: a budget needs a model that reasons, and one number", async () => {
  const none = await fault(appOf(new FakeGenerator()), path, { messages, thinking_budget: 3 });
  assert.deepEqual([none.status, none.param], [400, "thinking_budget"]);
  const two = await fault(appOf(new Reasoner(() => spell("Hi"))), path, {
    messages,
    thinking_budget: 3,
    reasoning: { max_tokens: 4 },
  });
  assert.deepEqual([two.status, two.param], [400, "reasoning.max_tokens"]);
});

Deno.test("chat reasoning: a flag names the form", async () => {
  const generator = new FakeGenerator(() => spell("One</think>Yes"));
  generator.model = { ...generator.model, reasoningParser: "deepseek-r1" };
  const { choices: [choice] } = await answer(appOf(generator), path, { messages }, chatResponse);
  assert.deepEqual([choice!.message.reasoning_content, choice!.message.content], ["One", "Yes"]);
});
