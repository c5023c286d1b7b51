// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * The `openai` package for npm against the real server. Every body and every event it gets must have the form that its
 * own types declare.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import OpenAI from "openai";
import house from "../../deno.json" with { type: "json" };
import npmClients from "./npm/deno.json" with { type: "json" };
import { apiKey, contextLength, servedModel as model, startForClients } from "../support/client_server.ts";
import { needsModel } from "../support/model_file.ts";
import { OpenaiTypes } from "../support/openai_types.ts";
import { RESPONSES } from "./openai_responses.ts";
import { STRUCTURED } from "./openai_structured.ts";

type Check = (client: OpenAI, url: string) => Promise<void>;
type ChatParams = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;

const messages: OpenAI.Chat.ChatCompletionMessageParam[] = [{ role: "user", content: "Name three fruits." }];
const greedy = { model, messages, temperature: 0, max_tokens: 12 };
const prompt = "The capital of France is";

async function say(client: OpenAI, fields: object = {}): Promise<OpenAI.ChatCompletion> {
  return await client.chat.completions.create({ ...greedy, ...fields } as ChatParams);
}

async function textOf(client: OpenAI, fields: object = {}): Promise<string> {
  return (await say(client, fields)).choices[0]!.message.content!;
}

async function chunksOf(client: OpenAI, fields: object = {}): Promise<OpenAI.ChatCompletionChunk[]> {
  const stream = await client.chat.completions.create({ ...greedy, ...fields, stream: true });
  return await Array.fromAsync(stream);
}

function contentOf(chunks: readonly OpenAI.ChatCompletionChunk[], index = 0): string {
  return chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
    .map(({ delta }) => delta.content ?? "").join("");
}

/** Waits until the server runs nothing. */
async function untilIdle(url: string): Promise<void> {
  for (let isIdle = false; !isIdle;) {
    const response = await fetch(`${url}/get_server_info`, {
      headers: { Authorization: `Bearer ${apiKey}` },
    });
    const { internal_states: [state] } = await response.json();
    isIdle = state.num_running === 0;
  }
}

const CHAT: Readonly<Record<string, Check>> = {
  "a stream says what the whole answer says, with the role first and the usage last": async (client) => {
    const whole = await say(client);
    const chunks = await chunksOf(client, { stream_options: { include_usage: true } });
    assert.equal(contentOf(chunks), whole.choices[0]!.message.content);
    assert.equal(chunks[0]!.choices[0]!.delta.role, "assistant");
    assert.deepEqual(chunks.at(-1)!.usage, whole.usage);
    assert.equal(whole.usage!.completion_tokens, 12);
    const reasons = chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? []);
    assert.deepEqual(reasons, ["length"]);
  },
  "log-probabilities with 20 alternatives, plain and streamed": async (client) => {
    const fields = { logprobs: true, top_logprobs: 20 };
    const whole = (await say(client, fields)).choices[0]!;
    const entries = whole.logprobs!.content!;
    assert.equal(entries.map(({ token }) => token).join(""), whole.message.content);
    assert(entries.every(({ logprob, top_logprobs: top }) => logprob <= 0 && top.length === 20));
    const chunks = await chunksOf(client, fields);
    assert.deepEqual(chunks.flatMap(({ choices }) => choices[0]?.logprobs?.content ?? []), entries);
  },
  "n choices, plain and streamed": async (client) => {
    const fields = { n: 2, seed: 7, temperature: 1 };
    const { choices } = await say(client, fields);
    assert.deepEqual(choices.map(({ index }) => index), [0, 1]);
    const chunks = await chunksOf(client, fields);
    for (const { index, message } of choices) assert.equal(contentOf(chunks, index), message.content);
  },
  "a stop text, more than four of them, an empty one": async (client) => {
    const text = await textOf(client);
    const word = text.split(" ")[2]!;
    const before = text.slice(0, text.indexOf(word));
    const stopped = (await say(client, { stop: word })).choices[0]!;
    assert.deepEqual([stopped.message.content, stopped.finish_reason], [before, "stop"]);
    assert.equal(await textOf(client, { stop: ["@1", "@2", "@3", "@4", word] }), before);
    assert.equal(await textOf(client, { stop: "" }), text);
  },
  "a seed repeats a draw, also a negative one and the largest": async (client) => {
    const largest = 2 ** 63 - 1024;
    for (const seed of [1, -5, largest]) {
      const fields = { seed, temperature: 1.5 };
      assert.equal(await textOf(client, fields), await textOf(client, fields), String(seed));
    }
  },
  "logit_bias, penalties, top_p, temperatures from 0 to 2": async (client) => {
    const biased = await say(client, { logit_bias: { "28": 100 }, logprobs: true });
    const tokens = biased.choices[0]!.logprobs!.content!.map(({ token }) => token);
    assert.deepEqual([tokens.length, new Set(tokens).size], [12, 1]);
    const fields = { frequency_penalty: 2, presence_penalty: -2, top_p: 0.5, temperature: 2, seed: 1 };
    assert.equal((await say(client, fields)).usage!.completion_tokens, 12);
  },
  "max_completion_tokens, and a limit beyond the context as a typed error": async (client) => {
    const { usage } = await say(client, { max_tokens: null, max_completion_tokens: 3 });
    assert.equal(usage!.completion_tokens, 3);
    await assert.rejects(
      say(client, { max_tokens: contextLength * 2 }),
      (error) => error instanceof OpenAI.BadRequestError && error.code === "context_length_exceeded",
    );
  },
  "roles, names, text parts, and an answer sent back as it came": async (client) => {
    const { choices: [first] } = await say(client);
    const history = [
      { role: "system", content: "Be brief." },
      { role: "developer", content: [{ type: "text", text: "Be kind." }] },
      {
        role: "user",
        name: "ann",
        content: [{ type: "text", text: "Name " }, { type: "text", text: "one." }],
      },
      first!.message,
      { role: "assistant", content: [{ type: "refusal", refusal: "no" }] },
      { role: "user", content: "Go on." },
    ];
    assert.equal((await say(client, { messages: history })).choices.length, 1);
  },
  "fields that mean nothing here are accepted, those that would and do not are refused by name": async (
    client,
  ) => {
    const text = await textOf(client);
    const neutral = {
      reasoning_effort: "none",
      response_format: { type: "text" },
      parallel_tool_calls: true,
      prediction: { type: "content", content: "Apples" },
      prompt_cache_key: "k",
      prompt_cache_retention: "24h",
      safety_identifier: "s",
      service_tier: "auto",
      metadata: { a: "b" },
      store: false,
      user: "u",
      modalities: ["text"],
      tools: [],
      audio: null,
    };
    assert.equal(await textOf(client, neutral), text);
    const refused = {
      web_search_options: {},
      modalities: ["text", "audio"],
    };
    for (const [param, value] of Object.entries(refused)) {
      await assert.rejects(
        say(client, { [param]: value }),
        (error) => error instanceof OpenAI.BadRequestError && error.param?.startsWith(param) === true,
        param,
      );
    }
  },
  "the stream helper gathers the answer": async (client) => {
    const helper = client.chat.completions.stream({ ...greedy, stream_options: { include_usage: true } });
    const deltas: string[] = [];
    helper.on("content", (delta) => deltas.push(delta));
    const final = await helper.finalChatCompletion();
    assert.equal(deltas.join(""), final.choices[0]!.message.content);
    assert.equal(final.choices[0]!.message.content, await textOf(client));
    assert.equal((await helper.totalUsage()).completion_tokens, 12);
  },
  "rounds of speculation change nothing else, plain, streamed and by the helper": async (client) => {
    const text = await textOf(client), fields: object = { stream_options: { include_speculation: true } };
    const shownBy = (choices: readonly object[]) =>
      (choices as { speculation?: { tokens: { text: string; origin: string }[] }[] }[])
        .flatMap(({ speculation }) => speculation ?? []).flatMap(({ tokens }) => tokens);
    const { choices } = await say(client, fields);
    const chunks = await chunksOf(client, fields);
    for (const tokens of [shownBy(choices), shownBy(chunks.flatMap(({ choices }) => choices))]) {
      assert.deepEqual([tokens.length, tokens.map(({ text }) => text).join("")], [12, text]);
      assert(tokens.some(({ origin }) => origin === "accepted"));
    }
    assert.deepEqual([choices[0]!.message.content, contentOf(chunks)], [text, text]);
    const helper = client.chat.completions.stream({ ...greedy, ...fields });
    assert.equal((await helper.finalChatCompletion()).choices[0]!.message.content, text);
    assert.equal(await textOf(client, { speculative: false }), text);
  },
  "an answer tells its request id": async (client) => {
    const { data, response, request_id } = await client.chat.completions.create(greedy).withResponse();
    assert.equal(response.headers.get("x-request-id"), request_id);
    assert(request_id && data.choices.length === 1);
  },
  "a stream that is left and a request that takes too long free their places": async (client, url) => {
    const endless = { ...greedy, max_tokens: contextLength - 100, ignore_eos: true };
    const stream = await client.chat.completions.create({ ...endless, stream: true });
    for await (const _ of stream) break;
    assert(stream.controller.signal.aborted);
    const abort = new AbortController();
    const aborted = client.chat.completions.create(endless, { signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    await assert.rejects(aborted, OpenAI.APIUserAbortError);
    await assert.rejects(
      client.chat.completions.create(endless, { timeout: 50 }),
      OpenAI.APIConnectionTimeoutError,
    );
    await untilIdle(url);
  },
};

const COMPLETIONS: Readonly<Record<string, Check>> = {
  "a text, a list, ids and lists of ids": async (client) => {
    const fields = { model, temperature: 0, max_tokens: 4 };
    const one = await client.completions.create({ ...fields, prompt });
    const two = await client.completions.create({ ...fields, prompt: [prompt, "Once upon a time"] });
    assert.deepEqual(two.choices.map(({ index }) => index), [0, 1]);
    assert.equal(two.choices[0]!.text, one.choices[0]!.text);
    const ids = await client.completions.create({ ...fields, prompt: [504, 3575, 282, 4649, 314] });
    assert.deepEqual(ids.choices[0]!.text, one.choices[0]!.text);
    const lists = await client.completions.create({ ...fields, prompt: [[504, 3575], [282, 4649]], n: 2 });
    assert.equal(lists.choices.length, 4);
  },
  "echo and log-probabilities, plain and streamed, and a prompt that is only scored": async (client) => {
    const fields = { model, prompt, temperature: 0, echo: true, logprobs: 2 };
    const whole = (await client.completions.create({ ...fields, max_tokens: 4 })).choices[0]!;
    assert(whole.text.startsWith(prompt));
    assert.equal(whole.logprobs!.tokens!.join(""), whole.text);
    const chunks = await Array.fromAsync(
      await client.completions.create({ ...fields, max_tokens: 4, stream: true }),
    );
    assert.equal(chunks.map(({ choices }) => choices[0]?.text ?? "").join(""), whole.text);
    const scored = (await client.completions.create({ ...fields, max_tokens: 0 })).choices[0]!;
    assert.equal(scored.text, prompt);
    const [first, ...rest] = scored.logprobs!.token_logprobs!;
    assert.equal(first, null);
    assert(rest.length > 3 && rest.every((logprob) => logprob < 0));
  },
};

const MODELS: Readonly<Record<string, Check>> = {
  "embeddings, which the client takes in base64, are those in decimals": async (client) => {
    const fields = { model, input: ["The sky is blue.", "Grass is green."] };
    const taken = await client.embeddings.create(fields);
    const plain = await client.embeddings.create({ ...fields, encoding_format: "float" });
    assert.deepEqual(taken.data.map(({ index }) => index), [0, 1]);
    assert.deepEqual(taken.usage, plain.usage);
    for (const [i, { embedding }] of taken.data.entries()) {
      assert.deepEqual(Float32Array.from(embedding), Float32Array.from(plain.data[i]!.embedding));
      assert(embedding.length > 100);
    }
    const short = await client.embeddings.create({ ...fields, dimensions: 16 });
    assert.equal(short.data[0]!.embedding.length, 16);
  },
  "models are listed and found": async (client) => {
    const list = await client.models.list();
    assert.deepEqual(list.data.map(({ id }) => id), [model]);
    assert.equal((await client.models.retrieve(model)).id, model);
  },
  "errors have their classes": async (client) => {
    await assert.rejects(client.models.retrieve("gpt-9"), OpenAI.NotFoundError);
    await assert.rejects(say(client, { model: "gpt-9" }), OpenAI.NotFoundError);
    await assert.rejects(
      say(client, { temperature: -1 }),
      (error) => error instanceof OpenAI.BadRequestError && error.param === "temperature",
    );
    await assert.rejects(client.withOptions({ apiKey: "wrong" }).models.list(), OpenAI.AuthenticationError);
    await assert.rejects(client.moderations.create({ input: "x" }), OpenAI.NotFoundError);
  },
};

Deno.test("openai: the types that answers are checked by are those of the client that is tested", () => {
  assert.equal(npmClients.imports.openai, house.imports.openai);
});

Deno.test({ name: "openai: works against the real server", ignore: needsModel().ignore }, async (t) => {
  const types = await OpenaiTypes.make();
  // Guesses an answer that was given before.
  await using server = await startForClients(
    ...["--speculative-algorithm", "NGRAM", "--speculative-num-draft-tokens", "4"],
  );
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0, fetch: types.fetch });
  for (
    const [name, check] of Object.entries({ ...CHAT, ...STRUCTURED, ...RESPONSES, ...COMPLETIONS, ...MODELS })
  ) {
    await t.step(name, () => check(client, server.url));
  }
});
