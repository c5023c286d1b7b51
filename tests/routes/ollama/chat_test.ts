// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import {
  ollamaChatRequest,
  ollamaError,
  ollamaGenerateRequest,
  ollamaOptions,
} from "../../../routes/schema/ollama.ts";
import { ollamaChatResponse, ollamaGenerateResponse } from "../../../routes/schema/ollama_answer.ts";
import { UnavailableError } from "../../../runtime/contracts/errors.ts";
import { FakeGenerator, spell } from "../../support/fake_generator.ts";
import { answer, type App, appOf, post, until } from "../../support/http.ts";

const messages = [{ role: "user", content: "Hi" }];
const chat = { model: "org/tiny", messages };
const chatLine = ollamaChatResponse.strict(), generateLine = ollamaGenerateResponse.strict();

async function lines<T>(app: App, path: string, body: object, schema: z.ZodType<T>): Promise<T[]> {
  const response = await post(app, path, body), text = await response.text();
  assert.equal(response.status, 200, text);
  assert.equal(response.headers.get("Content-Type"), "application/x-ndjson");
  const all = text.split("\n");
  assert.equal(all.pop(), "");
  return all.map((line) => schema.parse(JSON.parse(line)));
}

async function refusal(
  path: string,
  body: unknown,
  options = {},
): Promise<{ status: number; error: string }> {
  const response = await post(appOf(new FakeGenerator(), options), path, body);
  return { status: response.status, ...ollamaError.strict().parse(await response.json()) };
}

Deno.test("ollama: a chat streams lines unless it is asked not to", async () => {
  const app = appOf(new FakeGenerator());
  const all = await lines(app, "/api/chat", chat, chatLine);
  assert.equal(all.map(({ message }) => message.content).join(""), "Hi!");
  assert.deepEqual(all.map(({ done }) => done), [false, false, false, true]);
  const last = all.at(-1)!;
  assert.deepEqual([last.done_reason, last.prompt_eval_count, last.eval_count], ["stop", 18, 4]);
  const whole = await answer(app, "/api/chat", { ...chat, stream: false }, chatLine);
  assert.deepEqual([whole.message, whole.done, whole.eval_count], [
    { role: "assistant", content: "Hi!" },
    true,
    4,
  ]);
  for (const { total_duration, prompt_eval_duration, eval_duration } of [last, whole]) {
    assert(prompt_eval_duration! > 0 && eval_duration! > 0);
    assert(Math.abs(total_duration! - prompt_eval_duration! - eval_duration!) < 10);
  }
});

Deno.test("ollama: a prompt is a chat of its own, or raw", async () => {
  const generator = new FakeGenerator(), app = appOf(generator);
  const body = { model: "org/tiny:latest", prompt: "Hi", system: "Be brief.", stream: false };
  const whole = await answer(app, "/api/generate", body, generateLine);
  assert.deepEqual([whole.response, whole.done_reason, whole.model], ["Hi!", "stop", "org/tiny:latest"]);
  assert.deepEqual(generator.rendered[0]!.messages, [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
  ]);
  const raw = await lines(
    app,
    "/api/generate",
    { ...body, system: undefined, raw: true, stream: true },
    generateLine,
  );
  assert.equal(raw.map(({ response }) => response).join(""), "Hi!");
  assert.equal(generator.rendered.length, 1);
  assert.deepEqual([...generator.seen[1]!.request.promptTokens], [72, 105]);
});

Deno.test("ollama: nothing asked is answered by the model's being loaded", async () => {
  const generator = new FakeGenerator(), app = appOf(generator), model = "org/tiny";
  const loaded = await answer(app, "/api/chat", { model, messages: [] }, chatLine);
  assert.deepEqual([loaded.done, loaded.done_reason], [true, "load"]);
  const empty = await answer(app, "/api/generate", { model, keep_alive: -1 }, generateLine);
  assert.deepEqual([empty.done, empty.done_reason, generator.seen.length], [true, "load", 0]);
});

Deno.test("ollama: options of sampling", async () => {
  const sampled = async (options: object) => {
    const generator = new FakeGenerator();
    await answer(appOf(generator), "/api/chat", { ...chat, options, stream: false }, z.unknown());
    return generator.only.request.sampling;
  };
  const options = {
    temperature: 0.5,
    top_k: 4,
    top_p: 0.5,
    min_p: 0.1,
    stop: ["a"],
    seed: 7,
    num_predict: 5,
  };
  const { temperature, topK, topP, minP, stop, seed, maxTokens } = await sampled(options);
  assert.deepEqual([temperature, topK, topP, minP, stop, seed, maxTokens], [0.5, 4, 0.5, 0.1, ["a"], 7n, 5]);
  for (const num_predict of [-1, -2, 5000]) assert.equal((await sampled({ num_predict })).maxTokens, 82);
  assert.equal((await sampled({ num_ctx: 100, num_gpu: -1, num_thread: 4, mirostat: 0 })).maxTokens, 82);
  const penalties = { presence_penalty: 0.5, frequency_penalty: 0.25, repeat_penalty: 1.1 };
  const penalized = await sampled({ ...penalties, repeat_last_n: -1 });
  const { presencePenalty, frequencyPenalty, repetitionPenalty } = penalized;
  assert.deepEqual([presencePenalty, frequencyPenalty, repetitionPenalty], [0.5, 0.25, 1.1]);
  assert.equal((await sampled({ ...penalties, repeat_last_n: 0 })).repetitionPenalty, 1);
  assert.equal((await sampled({ repeat_last_n: 64 })).repetitionPenalty, 1);
});

Deno.test("ollama: messages with calls and thoughts become those of a chat", async () => {
  const generator = new FakeGenerator();
  generator.model = { ...generator.model, contextLength: 1000 };
  const call = { function: { name: "weather", arguments: { city: "Rome" } } };
  await answer(appOf(generator), "/api/chat", {
    model: "org/tiny",
    stream: false,
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Weather?", images: null },
      { role: "assistant", content: "", thinking: "Hmm.", tool_calls: [call] },
      { role: "tool", content: "rain", tool_name: "weather" },
    ],
  }, chatLine);
  assert.deepEqual(generator.rendered[0]!.messages, [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Weather?" },
    {
      role: "assistant",
      content: "",
      toolCalls: [{ name: "weather", arguments: { city: "Rome" } }],
      reasoning: "Hmm.",
    },
    { role: "tool", content: "rain", name: "weather" },
  ]);
});

Deno.test("ollama: think turns the template's switch", async () => {
  const reasoningOf = async (think?: unknown) => {
    const generator = new FakeGenerator();
    await answer(appOf(generator), "/api/chat", { ...chat, think, stream: false }, z.unknown());
    return generator.rendered[0]!.options.reasoning;
  };
  assert.equal(await reasoningOf(), undefined);
  assert.deepEqual(await reasoningOf(true), { enabled: true, param: "think" });
  assert.deepEqual(await reasoningOf(false), { enabled: false, param: "think" });
  assert.deepEqual(await reasoningOf("low"), { enabled: true, param: "think", effort: "low" });
});

Deno.test("ollama: what is not served is refused by name, in a text", async () => {
  const cases: [body: object, named: RegExp][] = [
    [{ options: { mirostat: 2 } }, /options\.mirostat: not supported yet/],
    [{ options: { typical_p: 0.5 } }, /options\.typical_p/],
    [{ options: { num_ctx: 200 } }, /options\.num_ctx: 200 is more than the 100/],
    [{ options: { repeat_penalty: 1.1, repeat_last_n: 64 } }, /options\.repeat_last_n: only -1 and 0/],
    [{ options: { temprature: 1 } }, /temprature: unknown field, did you mean temperature/],
    [{ messages: [{ role: "user", content: "x", images: ["aGk="] }] }, /messages\[0\]\.images/],
    [{ format: "xml" }, /format: expected "json" or a JSON schema/],
    [{ logprobs: true }, /logprobs/],
  ];
  for (const [body, named] of cases) {
    const { status, error } = await refusal("/api/chat", { ...chat, ...body });
    assert.equal(status, 400);
    assert.match(error, named);
  }
  const prompts: [body: object, named: RegExp][] = [
    [{ prompt: "x".repeat(100) }, /Cannot accept prompt: the input \(.*\) is longer/],
    [{ template: "{{ .Prompt }}" }, /template/],
    [{ context: [1, 2] }, /context/],
    [{ images: ["aGk="] }, /images/],
  ];
  for (const [body, named] of prompts) {
    const { status, error } = await refusal("/api/generate", { model: "org/tiny", prompt: "Hi", ...body });
    assert.equal(status, 400);
    assert.match(error, named);
  }
});

Deno.test("ollama: every error is a text", async () => {
  const unknown = await refusal("/api/chat", { ...chat, model: "llama3" });
  assert.deepEqual(unknown, { status: 404, error: "Cannot find model llama3: this server has org/tiny" });
  assert.equal((await refusal("/api/chat", "{")).status, 400);
  assert.equal((await refusal("/api/chat", chat, { apiKey: "k" })).status, 401);
  assert.equal((await refusal("/api/chat", chat, { isDraining: () => true })).status, 503);
  assert.equal((await refusal("/api/nothing", {})).status, 404);
});

Deno.test("ollama: a failure in mid-stream is a line, and the last", async () => {
  const script = [...spell("Hi").slice(0, 2), new UnavailableError("Cannot go on")];
  const response = await post(appOf(new FakeGenerator(() => script)), "/api/chat", chat);
  const all = (await response.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(all.at(-1), { error: "Cannot go on" });
});

Deno.test("ollama: a client that leaves ends its generation; a silent stream gets no lines", async () => {
  const generator = new FakeGenerator(() => ["wait"]);
  const response = await post(appOf(generator, { pingMs: 2 }), "/api/chat", chat);
  const reader = response.body!.getReader(), first = reader.read();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await Promise.race([first.then(() => "line"), Promise.resolve("silence")]), "silence");
  await reader.cancel();
  await until(() => generator.only.ended);
});

Deno.test("ollama: null stands for every field but the model's name", async () => {
  const app = appOf(new FakeGenerator());
  const nullsOf = ({ shape }: z.ZodObject) =>
    Object.fromEntries(Object.keys(shape).map((field) => [field, null]));
  const common = { options: nullsOf(ollamaOptions), stream: false };
  await answer(app, "/api/chat", { ...nullsOf(ollamaChatRequest), ...chat, ...common }, chatLine);
  const prompt = { ...nullsOf(ollamaGenerateRequest), model: "org/tiny", prompt: "Hi", ...common };
  await answer(app, "/api/generate", prompt, generateLine);
});

const weather = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

Deno.test("ollama: calls of tools have their arguments as objects", async () => {
  const tools = [{
    type: "function",
    function: { name: "weather", description: "Now", parameters: weather },
  }];
  const text = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>';
  const generator = new FakeGenerator(() => spell(text)), app = appOf(generator);
  const whole = await answer(app, "/api/chat", { ...chat, tools, stream: false }, chatLine);
  const called = { index: 0, name: "weather", arguments: { city: "Oslo" } };
  assert.deepEqual(whole.message.tool_calls?.map((call) => call.function), [called]);
  assert.deepEqual([whole.message.content, whole.done_reason], ["", "stop"]);
  const all = await lines(app, "/api/chat", { ...chat, tools }, chatLine);
  assert.deepEqual(all.flatMap(({ message }) => message.tool_calls ?? []).map((call) => call.function), [
    called,
  ]);
  assert.equal(generator.rendered[0]!.options.tools?.length, 1);
});

Deno.test("ollama: what an answer must match", async () => {
  const asked = async (format: unknown) => {
    const generator = new FakeGenerator();
    await answer(appOf(generator), "/api/chat", { ...chat, format, stream: false }, chatLine);
    return generator.only.request.constraint?.grammar?.type;
  };
  assert.deepEqual([await asked(""), await asked("json"), await asked(weather)], [undefined, "ebnf", "ebnf"]);
  const { status, error } = await refusal("/api/chat", { ...chat, format: { type: "strin" } });
  assert.deepEqual([status, /format/.test(error)], [400, true], error);
});

Deno.test("ollama: a gap before a suffix is filled in, where the model has tokens for it", async () => {
  const generator = new FakeGenerator(),
    body = { model: "org/tiny", prompt: "a", suffix: "b", stream: false };
  const fillInTheMiddle = { layout: [1, "prefix", 2, "suffix", 3], endTokenIds: [4] } as const;
  generator.model = { ...generator.model, tokenizer: { addsBos: false, fillInTheMiddle } };
  await answer(appOf(generator), "/api/generate", body, generateLine);
  const { promptTokens, sampling } = generator.only.request;
  assert.deepEqual([[...promptTokens], sampling.stopTokenIds], [[1, 97, 2, 98, 3], [4]]);
  assert.match((await refusal("/api/generate", body)).error, /suffix: org\/tiny fills in no gaps/);
});

Deno.test("ollama: a raw prompt has formats, but nothing that only the template shows", async () => {
  const generator = new FakeGenerator(), body = { model: "org/tiny", prompt: "a", raw: true, stream: false };
  await answer(appOf(generator), "/api/generate", { ...body, format: "json", think: false }, generateLine);
  assert.equal(generator.only.request.constraint?.grammar?.type, "ebnf");
  for (const [field, value] of Object.entries({ system: "Be brief.", think: true })) {
    const { status, error } = await refusal("/api/generate", { ...body, [field]: value });
    assert.deepEqual([status, error.includes(`${field}: not allowed with raw`)], [400, true], error);
  }
});
