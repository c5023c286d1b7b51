/**
 * Responses by OpenAI's SDK for npm: whole and streamed, stored and continued, with schemas and tools.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import OpenAI from "openai";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { run, server } from "./checks.ts";

const { apiKey, model } = server;
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
const greedy = { model, input: "Name three fruits.", temperature: 0, "max_output_tokens": 12 };
const weather = { ...greedy, input: "What is the weather in Paris and in Oslo?", "max_output_tokens": 100 };

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
  "parse gives what the Zod schema says, whole and streamed": async () => {
    const report = z.strictObject({
      city: z.string().max(12),
      degrees: z.int().min(-40).max(50),
      sky: z.enum(["clear", "cloudy", "rain"]),
    });
    const asked = { ...weather, text: { format: zodTextFormat(report, "report") } };
    const { output_parsed: parsed, status } = await client.responses.parse(asked);
    assert.deepEqual([report.parse(parsed), status], [parsed, "completed"]);
    assert.deepEqual((await client.responses.stream(asked).finalResponse()).output_parsed, parsed);
  },
  "a tool that must be called, whole and streamed, its output, and the answer": async () => {
    const place = z.object({ city: z.enum(["Paris", "Oslo", "Rome"]) });
    const tools = [zodResponsesFunction({ name: "weather", parameters: place })];
    const asked = { ...weather, tools, "tool_choice": "required" as const, "parallel_tool_calls": false };
    const { output, status } = await client.responses.parse(asked);
    const [call] = output;
    assert(status === "completed" && output.length === 1 && call!.type === "function_call");
    assert.deepEqual(place.parse(call.parsed_arguments), call.parsed_arguments);
    const stream = client.responses.stream(asked);
    const deltas: string[] = [];
    stream.on("response.function_call_arguments.delta", ({ delta }) => deltas.push(delta));
    await stream.finalResponse();
    assert.equal(deltas.join(""), call.arguments);
    // The call goes back as it came.
    const { output_text: text } = await client.responses.create({
      ...weather,
      max_output_tokens: 8,
      tools,
      tool_choice: "none",
      input: [
        { role: "user", content: weather.input },
        call,
        { type: "function_call_output", call_id: call.call_id, output: '{"degrees": 9}' },
      ],
    });
    assert(text.length > 0);
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
