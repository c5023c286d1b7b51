/**
 * Responses by OpenAI's SDK for npm: whole and streamed, stored and continued.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import OpenAI from "openai";
import { run, server } from "./checks.ts";

const { apiKey, model } = server;
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
const greedy = { model, input: "Name three fruits.", temperature: 0, "max_output_tokens": 12 };

await run({
  "a stream says what the whole response says": async () => {
    const whole = await client.responses.create(greedy);
    assert.deepEqual([whole.status, whole.incomplete_details?.reason], ["incomplete", "max_output_tokens"]);
    assert.equal(whole.usage?.output_tokens, 12);
    assert(whole.output_text.length > 0);
    const stream = client.responses.stream(greedy);
    const deltas: string[] = [], numbers: number[] = [];
    stream.on("response.output_text.delta", ({ delta }) => deltas.push(delta));
    stream.on("event", ({ sequence_number: number }) => numbers.push(number));
    const final = await stream.finalResponse();
    assert.deepEqual([deltas.join(""), final.output_text], [whole.output_text, whole.output_text]);
    assert.deepEqual(numbers, [...numbers.keys()]);
    assert.deepEqual(final.usage, whole.usage);
  },
  "a chat's answer is the same": async () => {
    const { output_text: text } = await client.responses.create(greedy);
    const chat = await client.chat.completions.create({
      model,
      messages: [{ role: "user", content: greedy.input }],
      temperature: 0,
      max_tokens: 12,
    });
    assert.equal(text, chat.choices[0]!.message.content);
  },
  "a stored response is found, continued, listed and deleted": async () => {
    const first = await client.responses.create({
      ...greedy,
      instructions: "Be brief.",
      metadata: { a: "b" },
    });
    const found = await client.responses.retrieve(first.id);
    assert.deepEqual([found.output, found.metadata], [first.output, { a: "b" }]);
    const next = { ...greedy, input: "And three more?" };
    const second = await client.responses.create({ ...next, previous_response_id: first.id });
    const items = await Array.fromAsync(
      client.responses.inputItems.list(second.id, { order: "asc", limit: 2 }),
    );
    assert.deepEqual(items.map(({ type }) => type), ["message", "message", "message"]);
    // The same conversation, sent as a whole by a client that stores nothing there.
    const whole = await client.responses.create({
      ...greedy,
      input: [
        { role: "user", content: greedy.input },
        ...first.output as OpenAI.Responses.ResponseInputItem[],
        {
          role: "user",
          content: next.input,
        },
      ],
      store: false,
      include: ["reasoning.encrypted_content"],
    });
    assert.equal(whole.output_text, second.output_text);
    await client.responses.delete(first.id);
    await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
    assert.deepEqual((await client.responses.cancel(second.id)).output, second.output);
  },
  "errors have their classes, and name what is wrong": async () => {
    const isOf = (param: string) => (error: unknown) =>
      error instanceof OpenAI.BadRequestError && error.param === param;
    await assert.rejects(client.responses.create({ ...greedy, background: true }), isOf("background"));
    await assert.rejects(
      client.responses.create({ ...greedy, conversation: "conv_1" }),
      isOf("conversation"),
    );
    await assert.rejects(client.responses.create({ ...greedy, model: "gpt-9" }), OpenAI.NotFoundError);
    await assert.rejects(
      client.responses.create({ ...greedy, tools: [{ type: "web_search" }] }),
      isOf("tools[0].type"),
    );
  },
  "a stream that is left frees its place": async () => {
    const stream = await client.responses.create({ ...greedy, max_output_tokens: 400, stream: true });
    for await (const { type } of stream) if (type === "response.output_text.delta") break;
    assert(stream.controller.signal.aborted);
  },
});
