// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Anthropic's SDK for npm: messages whole and streamed, models, counts of tokens, and its classes of errors.
 *
 * @module
 */
import Anthropic, {
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
} from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { jsonSchemaOutputFormat } from "@anthropic-ai/sdk/helpers/json-schema";
import { strict as assert } from "node:assert";
import { z } from "zod";
import { run, server } from "./checks.ts";

const { apiKey, model } = server;
const client = new Anthropic({ baseURL: server.url, apiKey, maxRetries: 0 });
const messages = [{ role: "user" as const, content: "Name three fruits." }];
/** Not in the client's types any more, and served: a test needs answers that are the same each time. */
const sampling = (temperature: number): object => ({ temperature });
const greedy = { model, messages, max_tokens: 12, ...sampling(0) };

function textOf({ content }: Anthropic.Message): string {
  return content.map((block) => block.type === "text" ? block.text : "").join("");
}

const city = { type: "string" as const, enum: ["Oslo", "Rome"] };
const schema = {
  type: "object" as const,
  properties: { city },
  required: ["city"],
  additionalProperties: false as const,
};
const tools = [{ name: "weather", description: "The weather in a city", input_schema: schema }];

await run({
  "a stream says what the whole message says": async () => {
    const whole = await client.messages.create(greedy);
    assert.deepEqual([whole.stop_reason, whole.usage.output_tokens, whole.role], [
      "max_tokens",
      12,
      "assistant",
    ]);
    const stream = client.messages.stream(greedy);
    const deltas: string[] = [];
    stream.on("text", (delta) => deltas.push(delta));
    const final = await stream.finalMessage();
    assert.equal(textOf(final), textOf(whole));
    assert.equal(deltas.join(""), textOf(whole));
    assert.deepEqual([final.stop_reason, final.usage], [whole.stop_reason, whole.usage]);
    const types = new Set<string>();
    for await (const { type } of await client.messages.create({ ...greedy, stream: true })) types.add(type);
    assert.deepEqual([...types].sort(), [
      "content_block_delta",
      "content_block_start",
      "content_block_stop",
      "message_delta",
      "message_start",
      "message_stop",
    ]);
  },
  "blocks, a system prompt, marks for the cache and a text that ends the answer": async () => {
    const cached = { type: "ephemeral" as const };
    const message = await client.messages.create({
      ...greedy,
      system: [{ type: "text", text: "Be brief.", cache_control: cached }],
      messages: [
        { role: "user", content: [{ type: "text", text: "Count from 1 to 9.", cache_control: cached }] },
        { role: "assistant", content: "1, 2, 3, 4," },
      ],
      stop_sequences: ["7"],
      max_tokens: 24,
      metadata: { user_id: "u" },
    });
    assert.deepEqual([message.stop_reason, message.stop_sequence], ["stop_sequence", "7"]);
    assert.match(textOf(message), /^ ?5, 6, ?$/);
  },
  "a tool is called, whole and streamed, and its result is read": async () => {
    const question = { role: "user" as const, content: "What is the weather in Rome?" };
    const asking = {
      ...greedy,
      messages: [question],
      tools,
      tool_choice: { type: "tool" as const, name: "weather", disable_parallel_tool_use: true },
      max_tokens: 60,
    };
    const whole = await client.messages.create(asking);
    assert.equal(whole.stop_reason, "tool_use");
    const [call] = whole.content;
    assert(whole.content.length === 1 && call?.type === "tool_use" && call.name === "weather");
    assert(city.enum.includes((call.input as { city: string }).city));
    const stream = client.messages.stream(asking);
    const inputs: unknown[] = [];
    stream.on("inputJson", (_, input) => inputs.push(input));
    const [streamed] = (await stream.finalMessage()).content;
    assert(streamed?.type === "tool_use" && inputs.length > 1);
    assert.deepEqual([streamed.name, streamed.input], [call.name, call.input]);
    const answered = await client.messages.create({
      ...greedy,
      tools,
      messages: [
        question,
        { role: "assistant", content: whole.content },
        { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "rain" }] },
      ],
      tool_choice: { type: "none" },
    });
    assert(textOf(answered).length > 0);
  },
  "the runner of tools calls functions, over several rounds": async () => {
    const asked: string[] = [];
    const lookUp = betaZodTool({
      name: "weather",
      description: "The weather of a city",
      inputSchema: z.object({ city: z.enum(["Oslo", "Rome"]) }),
      run: ({ city }) => `${asked.push(city)} degrees`,
    });
    const runner = client.beta.messages.toolRunner({
      ...greedy,
      messages: [{ role: "user", content: "What is the weather in Rome?" }],
      max_tokens: 60,
      max_iterations: 2,
      tools: [lookUp],
      tool_choice: { type: "tool", name: "weather" },
    });
    const rounds = await Array.fromAsync(runner);
    assert.deepEqual(rounds.map(({ stop_reason: reason }) => reason), ["tool_use", "tool_use"]);
    assert(asked.length > 0);
  },
  "an answer follows a schema": async () => {
    const message = await client.messages.parse({
      ...greedy,
      max_tokens: 60,
      output_config: { format: jsonSchemaOutputFormat(schema) },
    });
    assert(city.enum.includes((message.parsed_output as { city: string } | null)!.city));
  },
  "the beta's messages are the same": async () => {
    const { content } = await client.beta.messages.create(greedy);
    const { content: stable } = await client.messages.create(greedy);
    assert.deepEqual(content, stable);
  },
  "tokens are counted as a message counts them": async () => {
    const { input_tokens: counted } = await client.messages.countTokens({ model, messages });
    assert.equal((await client.messages.create(greedy)).usage.input_tokens, counted);
  },
  "models are listed and found": async () => {
    const { data } = await client.models.list();
    assert.deepEqual(data.map(({ id }) => id), [model]);
    assert.equal((await client.models.retrieve(model)).id, model);
  },
  "errors have their classes, and name what is wrong": async () => {
    await assert.rejects(
      client.messages.create({ ...greedy, ...sampling(-1) }),
      (error) =>
        error instanceof BadRequestError && error.type === "invalid_request_error" &&
        /temperature/.test(error.message) && typeof error.requestID === "string",
    );
    await assert.rejects(
      client.messages.create({ ...greedy, model: "claude-9" }),
      (error) => error instanceof NotFoundError && error.type === "not_found_error",
    );
    await assert.rejects(
      client.withOptions({ apiKey: "wrong" }).messages.create(greedy),
      (error) => error instanceof AuthenticationError && error.type === "authentication_error",
    );
    const image = {
      type: "image" as const,
      source: { type: "url" as const, url: "https://example.com/a.png" },
    };
    const withImage = client.messages.create({ ...greedy, messages: [{ role: "user", content: [image] }] });
    await assert.rejects(withImage, /image is not supported yet/);
  },
  "a stream that is aborted ends": async () => {
    const stream = client.messages.stream({ ...greedy, max_tokens: 400 });
    stream.on("text", () => stream.abort());
    await assert.rejects(stream.finalMessage(), APIUserAbortError);
  },
});
