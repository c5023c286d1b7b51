// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Responses by the `openai` package for npm: whole and streamed, stored and continued, parsed and with tools.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import OpenAI from "openai";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { servedModel as model } from "../support/client_server.ts";

const greedy = { model, input: "Name three fruits.", temperature: 0, max_output_tokens: 12 };
const Fruit = z.object({ name: z.enum(["apple", "pear"]), ripe: z.boolean() });

/** What is done with a client of the real server, by name. */
export const RESPONSES: Readonly<Record<string, (client: OpenAI) => Promise<void>>> = {
  "a stream says what the whole response says": async (client) => {
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
  "a chat's answer is the same": async (client) => {
    const { output_text: text } = await client.responses.create(greedy);
    const chat = await client.chat.completions.create({
      model,
      messages: [{ role: "user", content: greedy.input }],
      temperature: 0,
      max_tokens: 12,
    });
    assert.equal(text, chat.choices[0]!.message.content);
  },
  "a stored response is found, continued, listed and deleted": async (client) => {
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
  "a text is parsed by its schema, whole and streamed": async (client) => {
    const asking = { ...greedy, max_output_tokens: 60, text: { format: zodTextFormat(Fruit, "fruit") } };
    const { output_parsed: parsed } = await client.responses.parse(asking);
    assert.equal(Fruit.safeParse(parsed).success, true);
    const final = await client.responses.stream(asking).finalResponse();
    assert.deepEqual(final.output_parsed, parsed);
  },
  "a function is called, whole and streamed, and its output is read": async (client) => {
    const tools = [zodResponsesFunction({ name: "eat", parameters: Fruit, function: () => "eaten" })];
    const asking = {
      ...greedy,
      max_output_tokens: 60,
      tools,
      tool_choice: { type: "function" as const, name: "eat" },
      parallel_tool_calls: false,
    };
    const whole = await client.responses.parse(asking);
    const [call] = whole.output;
    assert(whole.output.length === 1 && call?.type === "function_call" && call.name === "eat");
    assert.equal(Fruit.safeParse(call.parsed_arguments).success, true);
    const [streamed] = (await client.responses.stream(asking).finalResponse()).output;
    assert(streamed?.type === "function_call");
    assert.deepEqual(streamed.parsed_arguments, call.parsed_arguments);
    const output = { type: "function_call_output" as const, call_id: call.call_id, output: "eaten" };
    const answering = { ...greedy, tools, tool_choice: "none" as const };
    const answered = await client.responses.create({
      ...answering,
      previous_response_id: whole.id,
      input: [output],
    });
    assert(answered.output_text.length > 0);
    // The call goes back as it was parsed.
    const sent = await client.responses.create({
      ...answering,
      input: [{ role: "user", content: greedy.input }, call, output],
    });
    assert.equal(sent.output_text, answered.output_text);
  },
  "errors have their classes, and name what is wrong": async (client) => {
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
  "a stream that is left frees its place": async (client) => {
    const stream = await client.responses.create({ ...greedy, max_output_tokens: 400, stream: true });
    for await (const { type } of stream) if (type === "response.output_text.delta") break;
    assert(stream.controller.signal.aborted);
  },
};
