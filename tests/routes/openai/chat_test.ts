// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { chatLogprobs, chatResponse } from "../../../routes/schema/chat.ts";
import { usage } from "../../../routes/schema/fields.ts";
import { errorBody } from "../../../routes/answers/content.ts";
import { FakeGenerator, spell } from "../../support/fake_generator.ts";
import { answer, appOf, events, fault } from "../../support/http.ts";

const path = "/v1/chat/completions";
const messages = [{ role: "user", content: "Hello" }];

const chunk = z.strictObject({
  id: z.string(),
  object: z.literal("chat.completion.chunk"),
  created: z.int(),
  model: z.literal("org/tiny"),
  choices: z.array(z.strictObject({
    index: z.int(),
    delta: z.strictObject({
      role: z.literal("assistant").optional(),
      content: z.string().optional(),
      reasoning_content: z.null(),
    }),
    logprobs: chatLogprobs.nullable(),
    finish_reason: z.string().nullable(),
    matched_stop: z.union([z.int(), z.string()]).nullable(),
  })),
  usage: usage.optional(),
});

Deno.test("chat: an answer in one piece", async () => {
  const generator = new FakeGenerator();
  const body = await answer(appOf(generator), path, { model: "org/tiny", messages }, chatResponse);
  assert.match(body.id, /^chatcmpl-/);
  assert.equal(body.model, "org/tiny");
  assert.deepEqual(body.choices, [{
    index: 0,
    message: { role: "assistant", content: "Hi!", refusal: null, reasoning_content: null },
    logprobs: null,
    finish_reason: "stop",
    matched_stop: 0,
  }]);
  const numPromptTokens = "user:Hello|assistant:".length;
  assert.deepEqual(body.usage, {
    prompt_tokens: numPromptTokens,
    completion_tokens: 4,
    total_tokens: numPromptTokens + 4,
  });
  assert.equal(generator.decode([...generator.only.request.promptTokens]), "user:Hello|assistant:");
  assert.equal(generator.only.request.requestId, body.id);
});

Deno.test("chat: without a limit the rest of the context is free", async () => {
  const generator = new FakeGenerator();
  await answer(appOf(generator), path, { messages }, chatResponse);
  const { request: { sampling, promptTokens } } = generator.only;
  assert.equal(sampling.maxTokens, generator.model.contextLength - promptTokens.length);
});

Deno.test("chat: text parts are joined, a final message is continued", async () => {
  const generator = new FakeGenerator();
  await answer(appOf(generator), path, {
    messages: [
      { role: "developer", content: [{ type: "text", text: "Be" }, { type: "text", text: "kind" }] },
      { role: "user", content: "Go", name: "Ann" },
      {
        role: "assistant",
        content: "Sure",
        refusal: null,
        tool_calls: null,
        reasoning_content: null,
        parsed: { sure: true },
      },
    ],
    continue_final_message: true,
  }, chatResponse);
  const prompt = generator.decode([...generator.only.request.promptTokens]);
  assert.equal(prompt, "developer:Be kind|user:Go|assistant:Sure");
});

Deno.test("chat: a stream has the role, the text, one finish, then the usage", async () => {
  const app = appOf(new FakeGenerator());
  const chunks = await events(app, path, { messages, stream_options: { include_usage: true } }, chunk);
  const last = chunks.pop();
  assert.deepEqual(last?.choices, []);
  assert.equal(last?.usage?.completion_tokens, 4);
  const choices = chunks.map(({ choices }) => choices[0]);
  assert.deepEqual(choices[0]?.delta, { role: "assistant", content: "", reasoning_content: null });
  assert.deepEqual(choices.slice(1, -1).map((choice) => choice?.delta.content), ["H", "i", "!"]);
  assert.deepEqual(choices.map((choice) => choice?.finish_reason), [null, null, null, null, "stop"]);
  assert.equal(choices.at(-1)?.matched_stop, 0);
  assert.ok(chunks.every(({ usage, id }) => usage === undefined && id === last?.id));
});

Deno.test("chat: continuous_usage_stats counts in every chunk, a cache report names cached tokens", async () => {
  const app = appOf(new FakeGenerator(), { enableCacheReport: true });
  const options = { continuous_usage_stats: true };
  const chunks = await events(app, path, { messages, stream_options: options }, chunk);
  assert.deepEqual(chunks.map(({ usage }) => usage?.completion_tokens), [1, 1, 2, 3, 4]);
  assert.deepEqual(chunks[0]?.usage?.prompt_tokens_details, { cached_tokens: 3 });
});

Deno.test("chat: n choices differ in seed, end once each, and count the prompt once", async () => {
  const generator = new FakeGenerator((_, index) => spell("abc".slice(index)));
  const app = appOf(generator);
  const body = { messages, n: 3, seed: 7, rid: "mine", stream_options: { include_usage: true } };
  const chunks = await events(app, path, body, chunk);
  const texts = ["", "", ""];
  const finishes: number[] = [];
  for (const { choices: [choice] } of chunks) {
    if (choice === undefined) continue;
    texts[choice.index] += choice.delta.content ?? "";
    if (choice.finish_reason !== null) finishes.push(choice.index);
  }
  assert.deepEqual(texts, ["abc", "bc", "c"]);
  assert.deepEqual(finishes.sort(), [0, 1, 2]);
  assert.deepEqual(generator.seen.map(({ request }) => request.sampling.seed), [7n, 8n, 9n]);
  assert.deepEqual(generator.seen.map(({ request }) => request.requestId), ["mine-0", "mine-1", "mine-2"]);
  const counted = chunks.at(-1)?.usage;
  assert.equal(counted?.prompt_tokens, "user:Hello|assistant:".length);
  assert.equal(counted?.completion_tokens, 4 + 3 + 2);
});

Deno.test("chat: logprobs carry text, bytes and alternatives, whole and streamed", async () => {
  const logprobs = [{ token: 72, logprob: -0.5, top: [[72, -0.5], [233, -Infinity]] as const }];
  const script = [
    { text: "H", tokens: [72], logprobs, finish: { type: "length", length: 1 } as const },
  ];
  const generator = new FakeGenerator(() => script);
  const request = { messages, logprobs: true, top_logprobs: 2 };
  const expected = {
    content: [{
      token: "H",
      bytes: [72],
      logprob: -0.5,
      top_logprobs: [
        { token: "H", bytes: [72], logprob: -0.5 },
        { token: "\u00e9", bytes: [0xc3, 0xa9], logprob: -9999 },
      ],
    }],
    refusal: null,
  };
  const body = await answer(appOf(generator), path, request, chatResponse);
  assert.deepEqual(body.choices[0]?.logprobs, expected);
  assert.equal(body.choices[0]?.finish_reason, "length");
  assert.equal(body.choices[0]?.matched_stop, null);
  assert.equal(generator.only.request.sampling.numLogprobs, 2);
  const chunks = await events(appOf(new FakeGenerator(() => script)), path, request, chunk);
  assert.deepEqual(chunks.map(({ choices }) => choices[0]?.logprobs), [null, expected, null]);
});

Deno.test("chat: a token that is part of a character has its own bytes", async () => {
  class Halves extends FakeGenerator {
    override tokenBytes(token: number): Uint8Array {
      return Uint8Array.from([[0xf0, 0x9f], [0x98, 0x80]][token] ?? []);
    }
  }
  const logprobs = [
    { token: 0, logprob: -0.5, top: [[0, -0.5], [1, -1]] as const },
    { token: 1, logprob: -0.5, top: [] },
  ];
  const script = [{ text: "😀", tokens: [0, 1], logprobs, finish: { type: "length", length: 2 } as const }];
  const request = { messages, logprobs: true, top_logprobs: 2 };
  const { choices } = await answer(appOf(new Halves(() => script)), path, request, chatResponse);
  const [first, second] = choices[0]!.logprobs!.content;
  assert.deepEqual([first!.bytes, second!.bytes], [[0xf0, 0x9f], [0x98, 0x80]]);
  assert.deepEqual(first!.top_logprobs.map(({ bytes }) => bytes), [[0xf0, 0x9f], [0x98, 0x80]]);
  assert.equal(first!.token, "\ufffd");
});

Deno.test("chat: a limit of 0 tokens yields none", async (t) => {
  const none = [{ finish: { type: "length", length: 0 } as const }];
  for (const field of ["max_tokens", "max_completion_tokens"]) {
    await t.step(field, async () => {
      const generator = new FakeGenerator(() => none), request = { messages, [field]: 0, n: 2 };
      const { choices, usage } = await answer(appOf(generator), path, request, chatResponse);
      assert.deepEqual(choices.map((choice) => [choice.message.content, choice.finish_reason]), [
        ["", "length"],
        ["", "length"],
      ]);
      assert.equal(usage.completion_tokens, 0);
      assert.deepEqual(generator.seen.map(({ request }) => request.sampling.maxTokens), [0, 0]);
      const chunks = await events(
        appOf(new FakeGenerator(() => none)),
        path,
        { messages, [field]: 0 },
        chunk,
      );
      assert.deepEqual(chunks.map(({ choices: [choice] }) => choice?.finish_reason), [null, "length"]);
    });
  }
});

Deno.test("chat: an aborted generation is an error that no client tries again, a stream's last event", async () => {
  const aborted = () =>
    appOf(new FakeGenerator(() => [{ text: "H" }, { finish: { type: "abort", message: "Enough" } }]));
  const { status, type, code, message } = await fault(aborted(), path, { messages });
  assert.deepEqual([status, type, code], [499, "invalid_request_error", "request_aborted"]);
  assert.equal(message, "Cannot finish request: Enough");
  const chunks = await events(aborted(), path, { messages }, z.union([errorBody, chunk]));
  const last = chunks.pop();
  assert(last !== undefined && "error" in last);
  assert.deepEqual([last.code, last.error.code], [499, "request_aborted"]);
  const texts = chunks.map((event) => "choices" in event ? event.choices[0]?.delta.content : undefined);
  assert.deepEqual(texts, ["", "H"], "what was said before stays said");
});

Deno.test("chat: harmless OpenAI fields and neutral values of others are accepted", async () => {
  await answer(appOf(new FakeGenerator()), path, {
    messages,
    model: "default",
    user: "ann",
    metadata: { a: "b" },
    store: false,
    service_tier: "auto",
    response_format: { type: "text" },
    tools: [],
    tool_choice: "none",
    parallel_tool_calls: true,
    temperature: null,
    stop: null,
    logit_bias: null,
    stream_options: null,
  }, chatResponse);
});

Deno.test("chat: what is wrong or not supported is named", async (t) => {
  const image = { type: "image_url", image_url: { url: "data:," } };
  const cases: [fields: object, param: string, status?: number, message?: RegExp][] = [
    [{ messages: undefined }, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: "hi" }, "messages"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [{ messages: [{ role: "judge", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user", content: [image] }] }, "messages[0].content[0].type"],
    [{ messages: [{ role: "assistant", tool_calls: [{}] }] }, "messages[0].tool_calls[0].function"],
    [
      { messages: [{ role: "user", content: "x".repeat(95) }] },
      "messages",
      400,
      /is longer than the model's context length/,
    ],
    [
      { messages: [{ role: "user", content: "x".repeat(9000) }] },
      "messages",
      400,
      /is longer than the model's context length/,
    ],
    [{ max_tokens: 90 }, "max_tokens", 400, /max_completion_tokens is too large/],
    [{ max_completion_tokens: 1e9 }, "max_completion_tokens", 400, /max_completion_tokens is too large/],
    [{ max_tokens: 3, max_completion_tokens: 4 }, "max_tokens"],
    [{ max_tokens: -1 }, "max_tokens"],
    [{ max_tokens: 1.5 }, "max_tokens"],
    [{ max_tokens: 4, min_tokens: 5 }, "min_tokens"],
    [{ temperature: -0.1 }, "temperature"],
    [{ temperature: "NaN" }, "temperature"],
    [{ temperature: "hot" }, "temperature"],
    [{ top_p: -0.1 }, "top_p"],
    [{ top_p: 1.1 }, "top_p"],
    [{ top_k: 0.5 }, "top_k"],
    [{ top_k: -2 }, "top_k"],
    [{ min_p: 2 }, "min_p"],
    [{ frequency_penalty: 3 }, "frequency_penalty"],
    [{ presence_penalty: -3 }, "presence_penalty"],
    [{ repetition_penalty: 0 }, "repetition_penalty"],
    [{ n: 0 }, "n"],
    [{ n: 1e6 }, "n"],
    [{ seed: 0.5 }, "seed"],
    [{ stop: [1] }, "stop[0]"],
    [{ stop: Array.from({ length: 65 }, () => "x") }, "stop"],
    [{ stop_token_ids: [256] }, "stop_token_ids"],
    [{ logit_bias: { x: 1 } }, "logit_bias.x"],
    [{ logit_bias: { 300: 1 } }, "logit_bias"],
    [{ logit_bias: { 3: 101 } }, "logit_bias.3"],
    [{ top_logprobs: 2 }, "top_logprobs"],
    [{ logprobs: true, top_logprobs: 21 }, "top_logprobs"],
    [{ stream: "yes" }, "stream"],
    [{ stream_options: { include_usage: true } }, "stream_options"],
    [{ stream: true, stream_options: { x: 1 } }, "stream_options.x"],
    [{ continue_final_message: true }, "continue_final_message"],
    [{ model: "gpt-9" }, "model", 404],
    [{ tools: [{ type: "function" }] }, "tools[0].function"],
    [{ tool_choice: "required" }, "tool_choice"],
    [{ response_format: { type: "xml" } }, "response_format.type"],
    [{ lora_path: "x" }, "lora_path"],
    [{ session_params: { id: "s" } }, "session_params"],
    [{ return_hidden_states: true }, "return_hidden_states"],
    [{ best_of: 2 }, "best_of"],
    [{ teperature: 1 }, "teperature", 400, /unknown field, did you mean temperature\?$/],
    [{ stream_options: { includeusage: true } }, "stream_options.includeusage", 400, /mean include_usage\?$/],
    [{ messages: [{ role: "user", contents: "x" }] }, "messages[0].contents", 400, /mean content\?$/],
  ];
  const generator = new FakeGenerator();
  const app = appOf(generator);
  for (const [fields, param, status = 400, message = /^Cannot /] of cases) {
    await t.step(JSON.stringify(fields).slice(0, 80), async () => {
      const error = await fault(app, path, { messages, ...fields });
      assert.equal(error.status, status, error.message);
      assert.equal(error.param, param, error.message);
      assert.match(error.message, message);
    });
  }
  assert.equal(generator.seen.length, 0);
  await answer(app, path, { messages }, chatResponse);
});
