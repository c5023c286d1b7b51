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
import { strict as assert } from "node:assert";
import { run, server } from "./checks.ts";

const { apiKey, model } = server;
const client = new Anthropic({ baseURL: server.url, apiKey, maxRetries: 0 });
const messages = [{ role: "user" as const, content: "Name three fruits." }];
/** Not in the client's types any more, and served: a test needs answers that are the same each time. */
const sampling = (temperature: number): object => ({ temperature });
const greedy = { model, messages, "max_tokens": 12, ...sampling(0) };

function textOf({ content }: Anthropic.Message): string {
  return content.map((block) => block.type === "text" ? block.text : "").join("");
}

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
