/**
 * The official client over a real socket.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import OpenAI from "openai";
import { createApp } from "../../routes/app.ts";
import { FakeGenerator } from "../support/fake_generator.ts";
import { until } from "../support/http.ts";
import { Listening } from "../support/listening.ts";

async function withClient(
  generator: FakeGenerator,
  use: (client: OpenAI, url: string) => Promise<void>,
): Promise<void> {
  const app = createApp(generator, { streamInterval: 1, enableCacheReport: false, apiKey: "secret" });
  await using server = await Listening.open(app.fetch);
  const { url } = server.listener;
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "secret", maxRetries: 0 });
  await use(client, url);
}

const messages = [{ role: "user" as const, content: "Hello" }];

Deno.test("client: streams a chat", async () => {
  await withClient(new FakeGenerator(), async (client) => {
    const stream = await client.chat.completions.create({
      model: "org/tiny",
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let numTokens = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      numTokens = chunk.usage?.completion_tokens ?? numTokens;
    }
    assert.deepEqual([text, numTokens], ["Hi!", 4]);
  });
});

Deno.test("client: sees typed errors", async () => {
  await withClient(new FakeGenerator(), async (client) => {
    await assert.rejects(
      client.chat.completions.create({ model: "org/tiny", messages, temperature: -1 }),
      (error) =>
        error instanceof OpenAI.BadRequestError && error.param === "temperature" &&
        error.type === "invalid_request_error" && error.code === null,
    );
    await assert.rejects(
      client.models.retrieve("gpt-9"),
      (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found",
    );
    const long = [{ role: "user" as const, content: "x".repeat(200) }];
    await assert.rejects(
      client.chat.completions.create({ model: "org/tiny", messages: long }),
      (error) =>
        error instanceof OpenAI.BadRequestError && error.code === "context_length_exceeded" &&
        /is longer than the model's context length/.test(error.message),
    );
    const stranger = new OpenAI({ baseURL: client.baseURL, apiKey: "wrong", maxRetries: 0 });
    await assert.rejects(
      stranger.models.list(),
      (error) => error instanceof OpenAI.AuthenticationError && error.code === "invalid_api_key",
    );
    assert.equal((await client.models.retrieve("org/tiny")).id, "org/tiny");
  });
});

Deno.test("client: leaving a stream aborts the generation, a normal end does not", async () => {
  const generator = new FakeGenerator((_, index) => index === 0 ? [{ text: "H", tokens: [72] }, "wait"] : []);
  await withClient(generator, async (client) => {
    const stream = await client.chat.completions.create({ model: "org/tiny", messages, stream: true });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content === "H") break;
    }
    await until(() => generator.only.ended);
    await client.chat.completions.create({ model: "org/tiny", messages });
  });
  assert.deepEqual(generator.seen.map(({ signal }) => signal?.aborted), [true, false]);
});

Deno.test("client: a body of 10 MB is refused and the server goes on", async () => {
  await withClient(new FakeGenerator(), async (client, url) => {
    const response = await fetch(`${url}/generate`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: "Bearer secret" },
      body: JSON.stringify({ text: "x".repeat(10_000_000) }),
    });
    assert.equal(response.status, 413);
    assert.equal((await response.json()).error.type, "invalid_request_error");
    assert.equal((await client.chat.completions.create({ model: "default", messages })).choices.length, 1);
  });
});

Deno.test("client: an application also answers Deno.serve", async () => {
  const app = createApp(new FakeGenerator(), { streamInterval: 1, enableCacheReport: false });
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, app.fetch);
  const client = new OpenAI({
    baseURL: `http://127.0.0.1:${server.addr.port}/v1`,
    apiKey: "none",
    maxRetries: 0,
  });
  const answer = await client.chat.completions.create({ model: "org/tiny", messages });
  assert.equal(answer.choices[0]!.message.content, "Hi!");
});
