// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Structured output and tools by the `openai` package for npm: its helpers for Zod, its streams and its runner of
 * tools. Schemas bound their values, so that a small model's answers come to an end.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import OpenAI from "openai";
import { LengthFinishReasonError } from "openai/core/error";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { servedModel as model } from "../support/client_server.ts";

type Check = (client: OpenAI, url: string) => Promise<void>;
type Chat = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;

const messages: OpenAI.Chat.ChatCompletionMessageParam[] = [
  { role: "user", content: "What is the weather in Paris and in Oslo?" },
];
const greedy = { model, messages, temperature: 0, max_tokens: 100 };

const report = z.object({
  city: z.string().max(12),
  degrees: z.number().int().min(-40).max(50),
  sky: z.enum(["clear", "cloudy", "rain"]),
  hours: z.array(z.number().int().min(0).max(23)).max(3),
});
const place = z.object({ city: z.enum(["Paris", "Oslo", "Rome"]) });
const time = z.object({ zone: z.string().regex(/^[A-Z]{3}$/), is24: z.boolean() });

const weather = { name: "get_weather", description: "The weather of a city", parameters: place };
const clock = { name: "get_time", description: "The time in a zone", parameters: time };
const tools = [zodFunction(weather), zodFunction(clock)];

function namedChoice(name: string): OpenAI.ChatCompletionNamedToolChoice {
  return { type: "function", function: { name } };
}

async function say(client: OpenAI, fields: Partial<Chat>): Promise<OpenAI.ChatCompletion.Choice> {
  return (await client.chat.completions.create({ ...greedy, ...fields } as Chat)).choices[0]!;
}

/** Names of the functions that an answer calls, whose arguments follow their schemas. */
function calledBy({ message }: OpenAI.ChatCompletion.Choice): string[] {
  return (message.tool_calls ?? []).map((call) => {
    assert(call.type === "function" && call.id !== "");
    const { parameters } = [weather, clock].find(({ name }) => name === call.function.name)!;
    parameters.parse(JSON.parse(call.function.arguments));
    return call.function.name;
  });
}

/** Checks by name. */
export const STRUCTURED: Readonly<Record<string, Check>> = {
  "parse gives what the Zod schema says, whole and streamed": async (client) => {
    const fields = { ...greedy, response_format: zodResponseFormat(report, "report") };
    const [choice] = (await client.chat.completions.parse(fields)).choices;
    assert.equal(choice!.finish_reason, "stop");
    assert.deepEqual(report.strict().parse(choice!.message.parsed), choice!.message.parsed);
    const stream = client.chat.completions.stream(fields);
    const deltas: string[] = [];
    stream.on("content.delta", ({ delta }) => deltas.push(delta));
    const final = await stream.finalChatCompletion();
    assert.equal(deltas.join(""), choice!.message.content);
    assert.deepEqual(final.choices[0]!.message.parsed, choice!.message.parsed);
  },
  "an answer that the limit cuts is the helper's error": async (client) => {
    const cut = { ...greedy, max_tokens: 4, response_format: zodResponseFormat(report, "report") };
    await assert.rejects(client.chat.completions.parse(cut), LengthFinishReasonError);
  },
  "json_schema strict and not, with alternatives and references, as drawn": async (client) => {
    const schema = {
      $defs: { leaf: { enum: ["red", "green", 3, null] } },
      type: "object",
      properties: {
        one: { anyOf: [{ $ref: "#/$defs/leaf" }, { type: "string", pattern: "^[a-f]{2,4}$" }] },
        two: { type: "array", items: { $ref: "#/$defs/leaf" }, minItems: 1, maxItems: 3 },
      },
      required: ["one", "two"],
      additionalProperties: false,
    };
    const leaf = z.union([z.enum(["red", "green"]), z.literal(3), z.null()]);
    const drawn = z.strictObject({
      one: z.union([leaf, z.string().regex(/^[a-f]{2,4}$/)]),
      two: z.array(leaf).min(1).max(3),
    });
    for (const strict of [true, false]) {
      const format = { type: "json_schema" as const, json_schema: { name: "s", schema, strict } };
      for (const seed of [1, 2]) {
        const fields = { temperature: 1.2, seed, response_format: format };
        const { message, finish_reason } = await say(client, fields);
        assert.equal(finish_reason, "stop");
        drawn.parse(JSON.parse(message.content!));
      }
    }
  },
  "json_object": async (client) => {
    const { message, finish_reason } = await say(client, {
      messages: [{ role: "user", content: 'Repeat this JSON object: {"city": "Oslo"}' }],
      response_format: { type: "json_object" },
    });
    assert.equal(finish_reason, "stop");
    z.looseObject({}).parse(JSON.parse(message.content!));
  },
  "tool_choice none, required, a name and allowed tools": async (client) => {
    const none = await say(client, { tools, tool_choice: "none", max_tokens: 8 });
    assert.deepEqual([calledBy(none), none.message.content !== ""], [[], true]);
    const required = await say(client, { tools, tool_choice: "required", parallel_tool_calls: false });
    assert.deepEqual([calledBy(required).length, required.finish_reason], [1, "tool_calls"]);
    assert.deepEqual(calledBy(await say(client, { tools, tool_choice: namedChoice("get_time") })), [
      "get_time",
    ]);
    const allowed = { mode: "required" as const, tools: [namedChoice("get_time") as object] };
    const some = await say(client, {
      tools,
      tool_choice: { type: "allowed_tools", allowed_tools: allowed as OpenAI.ChatCompletionAllowedTools },
      parallel_tool_calls: false,
    });
    assert.deepEqual(calledBy(some), ["get_time"]);
  },
  "tool_choice auto is text, or calls that follow their schemas": async (client) => {
    const auto = await say(client, { tools, max_tokens: 40 });
    assert.equal(calledBy(auto).length > 0 || auto.message.content !== null, true);
  },
  "calls that stream are those of the whole answer, drawn too": async (client) => {
    for (const fields of [{}, { temperature: 1, seed: 5 }]) {
      const asked = {
        ...greedy,
        ...fields,
        tools,
        tool_choice: "required" as const,
        parallel_tool_calls: false,
      };
      const whole = (await client.chat.completions.create(asked)).choices[0]!;
      const stream = client.chat.completions.stream(asked);
      const deltas: string[] = [];
      stream.on("tool_calls.function.arguments.delta", ({ arguments_delta: delta }) => deltas.push(delta));
      const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0]!;
      const bare = ({ tool_calls: calls = [] }: OpenAI.ChatCompletionMessage) =>
        calls.map((call) => call.type === "function" && [call.function.name, call.function.arguments]);
      assert.deepEqual([bare(message), finish_reason], [bare(whole.message), "tool_calls"]);
      assert.equal(deltas.join(""), bare(message).map((call) => call && call[1]).join(""));
      assert.deepEqual(
        message.tool_calls!.map((call) => call.type === "function" && call.function.parsed_arguments),
        whole.message.tool_calls!.map((call) =>
          call.type === "function" && JSON.parse(call.function.arguments)
        ),
      );
    }
  },
  "runTools calls functions over several rounds, and a conversation goes on from there": async (client) => {
    const asked: string[] = [];
    const runnable = zodFunction({
      ...weather,
      function: ({ city }) => {
        asked.push(city);
        return { degrees: 9 + asked.length };
      },
    });
    const runner = client.chat.completions.runTools(
      { ...greedy, tools: [runnable], tool_choice: "required", parallel_tool_calls: false },
      { maxChatCompletions: 2 },
    );
    await runner.done();
    assert.equal(asked.length, 2);
    assert.deepEqual(runner.messages.map(({ role }) => role), [
      "user",
      ...["assistant", "tool", "assistant", "tool"],
    ]);
    assert.deepEqual(runner.messages.filter(({ role }) => role === "tool").map(({ content }) => content), [
      '{"degrees":10}',
      '{"degrees":11}',
    ]);
    const last = await say(client, {
      messages: runner.messages,
      tools: [zodFunction(weather)],
      max_tokens: 8,
      tool_choice: "none",
    });
    assert(last.message.content);
    const forced = client.chat.completions.runTools({
      ...greedy,
      stream: true,
      tools: [runnable, zodFunction({ ...clock, function: () => "12:00" })],
      tool_choice: namedChoice("get_weather"),
    });
    await forced.done();
    assert.equal(asked.length, 3);
  },
  "what cannot be enforced or called is refused by name": async (client) => {
    const format = (schema: Record<string, unknown>) => ({
      response_format: { type: "json_schema" as const, json_schema: { name: "s", schema } },
    });
    const refused: [string, Partial<Chat>][] = [
      ["response_format", format({ type: "array", contains: { type: "string" } })],
      ["response_format", format({ type: "object", properties: { a: { type: "strnig" } } })],
      ["tool_choice", { tools, tool_choice: namedChoice("get_news") }],
      ["tool_choice", { tool_choice: "required" }],
      ["tools[0].function.name", { tools: [{ type: "function", function: { name: "get weather" } }] }],
    ];
    for (const [param, fields] of refused) {
      await assert.rejects(
        say(client, fields),
        (error) => error instanceof OpenAI.BadRequestError && error.param?.startsWith(param) === true,
        param,
      );
    }
  },
};
