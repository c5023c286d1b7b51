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
const options = { temperature: 0, "num_predict": 12 };
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
  "a format is followed, drawn too, by a chat and by a prompt": async () => {
    const report = z.strictObject({ city: z.string().max(12), degrees: z.int().min(-40).max(50) });
    const content = "What is the weather in Oslo?", format = z.toJSONSchema(report);
    for (const drawn of [{ temperature: 0 }, { temperature: 1, seed: 2 }]) {
      const asked = { model, format, options: { ...drawn, num_predict: 60 } };
      const { message } = await client.chat({ ...asked, messages: [{ role: "user", content }] });
      report.parse(JSON.parse(message.content));
      report.parse(JSON.parse((await client.generate({ ...asked, prompt: content })).response!));
    }
    const prompt = 'Repeat this JSON object: {"city": "Oslo"}';
    const any = { model, prompt, format: "json", options: { temperature: 0, num_predict: 60 } };
    z.looseObject({}).parse(JSON.parse((await client.generate(any)).response!));
  },
  "tools are offered, and what they said goes back": async () => {
    const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const tools = [{ type: "function", function: { name: "weather", description: "Now", parameters } }];
    const first = { role: "user", content: "What is the weather in Oslo?" };
    const { message } = await client.chat({ ...chat, tools, messages: [first] });
    // There is no way to ask for a call: a small model makes one or not.
    assert(message.content !== "" || message.tool_calls !== undefined);
    const call = { function: { name: "weather", arguments: { city: "Oslo" } } };
    const history = [
      first,
      { role: "assistant", content: "", tool_calls: [call] },
      { role: "tool", tool_name: "weather", content: "9 degrees" },
    ];
    const answer = await client.chat({ ...chat, tools, messages: history });
    assert(answer.message.content !== "" || answer.message.tool_calls !== undefined);
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
