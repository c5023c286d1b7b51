// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Ollama's client for npm: chats and prompts, whole and streamed, formats, tools, and what it asks of models.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { Ollama } from "ollama";
import { z } from "zod";
import { run, server } from "./checks.ts";

const { apiKey, model } = server;
const clientOf = (key: string) =>
  new Ollama({ host: server.url, headers: { Authorization: `Bearer ${key}` } });
const client = clientOf(apiKey);
const messages = [{ role: "user", content: "Name three fruits." }];
const options = { temperature: 0, num_predict: 12 };
const chat = { model, messages, options };

await run({
  "a stream says what the whole answer says": async () => {
    const whole = await client.chat(chat);
    assert.deepEqual([whole.done, whole.done_reason, whole.eval_count], [true, "length", 12]);
    assert(whole.total_duration > 0);
    const lines = await Array.fromAsync(await client.chat({ ...chat, stream: true }));
    assert.equal(lines.map(({ message }) => message.content).join(""), whole.message.content);
    assert.deepEqual(lines.map(({ done }) => done).indexOf(true), lines.length - 1);
  },
  "a prompt is answered as a chat, and continued raw": async () => {
    const { message } = await client.chat(chat);
    const prompt = messages[0]!.content;
    assert.equal((await client.generate({ model, prompt, options })).response, message.content);
    const raw = { model, prompt: "The capital of France is", raw: true, options };
    const whole = await client.generate(raw);
    const lines = await Array.fromAsync(await client.generate({ ...raw, stream: true }));
    assert.equal(lines.map(({ response }) => response).join(""), whole.response);
  },
  "a prompt's answer follows a format, as drawn, and json is any object": async () => {
    const report = z.strictObject({ city: z.string().max(12), degrees: z.int().min(-40).max(50) });
    for (const seed of [1, 2]) {
      const options = { temperature: 1, seed, num_predict: 60 };
      const prompt = "What is the weather in Oslo?";
      const { response } = await client.generate({ model, prompt, options, format: z.toJSONSchema(report) });
      report.parse(JSON.parse(response!));
    }
    const prompt = 'Repeat this JSON object: {"city": "Oslo"}';
    const any = { model, prompt, format: "json", options: { temperature: 0, num_predict: 60 } };
    z.looseObject({}).parse(JSON.parse((await client.generate(any)).response!));
  },
  "the model is listed, shown and loaded": async () => {
    const { models } = await client.list();
    assert.deepEqual(models.map(({ name }) => name), [`${model}:latest`]);
    const shown = await client.show({ model: models[0]!.name });
    assert(shown.capabilities.includes("completion"));
    assert.deepEqual((await client.ps()).models.map(({ name }) => name), [`${model}:latest`]);
    assert.equal((await client.chat({ model: models[0]!.name, keep_alive: -1 })).done_reason, "load");
    assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
  },
  "an answer follows a schema, whole and streamed": async () => {
    const city = { type: "string", enum: ["Oslo", "Rome"] };
    const format = { type: "object", properties: { city }, required: ["city"], additionalProperties: false };
    const asking = { ...chat, options: { ...options, num_predict: 60 }, format };
    const { message } = await client.chat(asking);
    assert(city.enum.includes(JSON.parse(message.content).city));
    const lines = await Array.fromAsync(await client.chat({ ...asking, stream: true }));
    assert.equal(lines.map(({ message }) => message.content).join(""), message.content);
  },
  "a call of a tool and its result are read": async () => {
    const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const answered = await client.chat({
      ...chat,
      messages: [
        { role: "user", content: "What is the weather in Rome?" },
        {
          role: "assistant",
          content: "",
          tool_calls: [{ function: { name: "weather", arguments: { city: "Rome" } } }],
        },
        { role: "tool", content: "rain", tool_name: "weather" },
      ],
      tools: [{ type: "function", function: { name: "weather", description: "The weather", parameters } }],
    });
    assert(answered.message.content.length > 0);
  },
  "texts are embedded": async () => {
    const input = ["The sky is blue.", "Grass is green."];
    const { embeddings, prompt_eval_count: numTokens } = await client.embed({ model, input });
    assert.deepEqual([embeddings.length, numTokens > 6], [2, true]);
    const { embedding } = await client.embeddings({ model, prompt: input[1]! });
    assert.deepEqual(embedding, embeddings[1]);
  },
  "an error is a text that names what is wrong": async () => {
    await assert.rejects(client.chat({ ...chat, model: "llama3" }), /Cannot find model llama3/);
    await assert.rejects(client.chat({ ...chat, options: { mirostat: 2 } }), /options\.mirostat/);
    await assert.rejects(client.pull({ model: "llama3" }), /Cannot pull models/);
    await assert.rejects(clientOf("wrong").list(), /Cannot authorize/);
  },
  "a stream that is aborted ends": async () => {
    const prompt = "Once upon a time";
    const lines = await client.generate({
      model,
      prompt,
      raw: true,
      stream: true,
      options: { temperature: 0 },
    });
    await assert.rejects(async () => {
      for await (const _ of lines) lines.abort();
    }, { name: "AbortError" });
  },
});
