// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import {
  anthropicError,
  countTokensResponse,
  messagesResponse,
} from "../../../routes/schema/anthropic_answer.ts";
import { OverloadedError, UnavailableError } from "../../../runtime/contracts/errors.ts";
import { FakeGenerator, spell } from "../../support/fake_generator.ts";
import { answer, appOf, namedEvents, post, until } from "../../support/http.ts";
import { Reasoner, write } from "../../support/reasoner.ts";

const path = "/v1/messages";
const messages = [{ role: "user", content: "Hi" }];
const minimal = { model: "org/tiny", max_tokens: 20, messages };

async function refusal(
  body: unknown,
  options = {},
): Promise<{ status: number; type: string; message: string; details?: object | undefined }> {
  const response = await post(appOf(new FakeGenerator(), options), path, body);
  const { error, request_id } = anthropicError.strict().parse(await response.json());
  assert.equal(response.headers.get("request-id"), request_id);
  return { status: response.status, ...error };
}

Deno.test("anthropic: a message has text, counts and an end", async () => {
  const generator = new FakeGenerator();
  const message = await answer(appOf(generator), `${path}?beta=true`, minimal, messagesResponse.strict());
  assert.deepEqual(message.content, [{ type: "text", text: "Hi!", citations: null }]);
  assert.deepEqual([message.stop_reason, message.stop_sequence], ["end_turn", null]);
  assert.match(message.id, /^msg_/);
  assert.equal(generator.only.request.requestId, message.id);
  const { input_tokens, output_tokens, cache_read_input_tokens } = message.usage;
  assert.deepEqual([input_tokens, output_tokens, cache_read_input_tokens], [18, 4, 0]);
});

Deno.test("anthropic: with a cache report, cached tokens are counted apart", async () => {
  const app = appOf(new FakeGenerator(), { enableCacheReport: true });
  const { usage } = await answer(app, path, minimal, messagesResponse);
  assert.deepEqual([usage.input_tokens, usage.cache_read_input_tokens], [15, 3]);
});

Deno.test("anthropic: a stream begins with the message, has its blocks and ends with its counts", async () => {
  const events = await namedEvents(
    await post(appOf(new FakeGenerator()), path, { ...minimal, stream: true }),
  );
  assert.deepEqual(events.map(({ type }) => type), [
    "message_start",
    "content_block_start",
    ...["H", "i", "!"].map(() => "content_block_delta"),
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  const started = messagesResponse.strict().parse(events[0]!.message);
  assert.deepEqual([started.stop_reason, started.usage.output_tokens], [null, 0]);
  const { delta, usage } = events.at(-2)!;
  assert.deepEqual([delta.stop_reason, usage.output_tokens, usage.input_tokens], ["end_turn", 4, 18]);
});

Deno.test("anthropic: why a message ended", async () => {
  const stopReasons = async (finish: object, body: object = {}) => {
    const generator = new FakeGenerator(() => [{ text: "H", tokens: [72], finish: finish as never }]);
    const message = await answer(appOf(generator), path, { ...minimal, ...body }, messagesResponse);
    return [message.stop_reason, message.stop_sequence];
  };
  assert.deepEqual(await stopReasons({ type: "stop", matched: "STOP" }), ["stop_sequence", "STOP"]);
  assert.deepEqual(await stopReasons({ type: "length", length: 1 }, { max_tokens: 1 }), ["max_tokens", null]);
  const full = ["model_context_window_exceeded", null];
  assert.deepEqual(await stopReasons({ type: "length", length: 1 }, { max_tokens: 32000 }), full);
});

Deno.test("anthropic: fields of sampling, and a limit that is cut to the context", async () => {
  const generator = new FakeGenerator();
  const fields = { temperature: 0.5, top_k: 4, top_p: 0.5, stop_sequences: ["a", "b"], max_tokens: 32000 };
  await answer(appOf(generator), path, { ...minimal, ...fields }, messagesResponse);
  const { temperature, topK, topP, stop, maxTokens } = generator.only.request.sampling;
  assert.deepEqual([temperature, topK, topP, stop, maxTokens], [0.5, 4, 0.5, ["a", "b"], 82]);
});

Deno.test("anthropic: blocks become messages of a chat", async () => {
  const generator = new FakeGenerator();
  generator.model = { ...generator.model, contextLength: 1000 };
  const cache_control = { type: "ephemeral", ttl: "1h" };
  await answer(appOf(generator), path, {
    ...minimal,
    system: [{ type: "text", text: "Be brief.", cache_control }, { type: "text", text: "Be kind." }],
    messages: [
      { role: "user", content: [{ type: "text", text: "Weather?", cache_control }] },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hmm.", signature: "s" },
          { type: "redacted_thinking", data: "x" },
          { type: "text", text: "Let me see." },
          { type: "tool_use", id: "t1", name: "weather", input: { city: "Rome" } },
        ],
      },
      {
        role: "user",
        content: [
          {
            type: "tool_result",
            tool_use_id: "t1",
            content: [{ type: "text", text: "rain" }],
            cache_control,
          },
          { type: "tool_result", tool_use_id: "t2", content: "none", is_error: true },
          { type: "text", text: "So?" },
        ],
      },
      { role: "assistant", content: "It" },
    ],
  }, messagesResponse);
  const [{ messages, options }] = generator.rendered as [FakeGenerator["rendered"][number]];
  assert.deepEqual(messages, [
    { role: "system", content: "Be brief.\nBe kind.", contentParts: ["Be brief.", "Be kind."] },
    { role: "user", content: "Weather?", contentParts: ["Weather?"] },
    {
      role: "assistant",
      content: "Let me see.",
      toolCalls: [{ id: "t1", name: "weather", arguments: { city: "Rome" } }],
      reasoning: "Hmm.",
    },
    { role: "tool", content: "rain", toolCallId: "t1" },
    { role: "tool", content: "Error: none", toolCallId: "t2" },
    { role: "user", content: "So?", contentParts: ["So?"] },
    { role: "assistant", content: "It" },
  ]);
  assert.equal(options.continueFinalMessage, true);
});

Deno.test("anthropic: thinking and effort turn the template's switch", async () => {
  const reasoningOf = async (body: object) => {
    const generator = new FakeGenerator();
    await answer(appOf(generator), path, { ...minimal, ...body }, messagesResponse);
    return generator.rendered[0]!.options.reasoning;
  };
  assert.equal(await reasoningOf({}), undefined);
  assert.equal(await reasoningOf({ thinking: { type: "adaptive" } }), undefined);
  assert.deepEqual(await reasoningOf({ thinking: { type: "disabled" } }), {
    enabled: false,
    param: "thinking",
  });
  assert.deepEqual(await reasoningOf({ output_config: { effort: "low" } }), {
    enabled: true,
    effort: "low",
    param: "output_config.effort",
  });
});

Deno.test("anthropic: tokens of a conversation are counted, and nothing is generated", async () => {
  const generator = new FakeGenerator(), { max_tokens: _, ...body } = minimal;
  const counted = await answer(appOf(generator), `${path}/count_tokens`, body, countTokensResponse.strict());
  assert.deepEqual([counted.input_tokens, generator.seen.length], [18, 0]);
});

Deno.test("anthropic: what is not served is refused by name", async () => {
  const cases: [body: object, named: RegExp][] = [
    [{ temprature: 1 }, /temprature: unknown field, did you mean temperature/],
    [{ max_tokens: undefined }, /max_tokens/],
    [
      { messages: [{ role: "user", content: [{ type: "image", source: {} }] }] },
      /\[0\]\.content\[0\]\.type: image is not/,
    ],
    [{ messages: [{ role: "user", content: [{ type: "document" }] }] }, /document is not supported yet/],
    [
      { messages: [{ role: "user", content: [{ type: "thinking", thinking: "", signature: "" }] }] },
      /role user/,
    ],
    [
      { tools: [{ type: "bash_20250124", name: "bash" }] },
      /tools\[0\]\.type: bash_20250124 is not supported/,
    ],
    [{ mcp_servers: [{ url: "x" }] }, /mcp_servers: not supported yet/],
    [{ thinking: { type: "between_tools" } }, /thinking\.type: expected enabled, adaptive or disabled/],
  ];
  for (const [body, named] of cases) {
    const { status, type, message } = await refusal({ ...minimal, ...body });
    assert.deepEqual([status, type], [400, "invalid_request_error"], message);
    assert.match(message, named);
  }
});

Deno.test("anthropic: null stands for every field that may be left out, and labels are accepted", async () => {
  const generator = new FakeGenerator();
  const document = await (await appOf(generator).request("/openapi.json")).json();
  const { properties, required } = document.components.schemas.AnthropicRequest;
  const nulls = Object.keys(properties).filter((name) => !required.includes(name)).map((
    name,
  ) => [name, null]);
  await answer(appOf(generator), path, { ...Object.fromEntries(nulls), ...minimal }, z.unknown());
  await answer(appOf(generator), path, {
    ...minimal,
    metadata: { user_id: "u" },
    service_tier: "auto",
    cache_control: { type: "ephemeral" },
  }, z.unknown());
});

Deno.test("anthropic: errors have its types, in every case", async () => {
  assert.deepEqual((await refusal({ ...minimal, model: "gpt-9" })).type, "not_found_error");
  assert.deepEqual((await refusal("{")).type, "invalid_request_error");
  // Clients then send the whole conversation.
  const { status, details } = await refusal({ ...minimal, thread: { type: "create" } });
  assert.deepEqual([status, details], [400, { error_code: "thread_unsupported_request" }]);
  assert.deepEqual((await refusal("x".repeat(99), { maxBodyBytes: 10 })).type, "request_too_large");
  const wrongKey = await refusal(minimal, { apiKey: "k" });
  assert.deepEqual([wrongKey.status, wrongKey.type], [401, "authentication_error"]);
  const draining = await refusal(minimal, { isDraining: () => true });
  assert.deepEqual([draining.status, draining.type], [529, "overloaded_error"]);
  const full = new FakeGenerator(() => [new OverloadedError("Cannot queue", 4000)]);
  const response = await post(appOf(full), path, minimal);
  assert.deepEqual([response.status, response.headers.get("Retry-After")], [429, "4"]);
  assert.equal((await response.json()).error.type, "rate_limit_error");
  const batches = await post(appOf(new FakeGenerator()), `${path}/batches`, {});
  assert.equal(anthropicError.parse(await batches.json()).error.type, "not_found_error");
  const wrongMethod = await appOf(new FakeGenerator()).request(path);
  assert.deepEqual([wrongMethod.status, (await wrongMethod.json()).type], [405, "error"]);
});

Deno.test("anthropic: a failure in mid-stream is an event of its own, and the last", async () => {
  const script = [...spell("Hi").slice(0, 2), new UnavailableError("Cannot go on")];
  const events = await namedEvents(
    await post(appOf(new FakeGenerator(() => script)), path, { ...minimal, stream: true }),
  );
  const { type, error, request_id } = events.at(-1)!;
  assert.deepEqual([type, error.type, error.message], ["error", "overloaded_error", "Cannot go on"]);
  assert.equal(typeof request_id, "string");
});

Deno.test("anthropic: a client that leaves ends its generation", async () => {
  const generator = new FakeGenerator(() => [{ text: "H", tokens: [72] }, "wait"]);
  const response = await post(appOf(generator), path, { ...minimal, stream: true });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  await until(() => generator.only.ended);
  assert.equal(generator.only.signal?.aborted, true);
});

Deno.test("anthropic: a stream that is silent gets pings", async () => {
  const generator = new FakeGenerator(() => ["wait"]);
  const response = await post(appOf(generator, { pingMs: 5 }), path, { ...minimal, stream: true });
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value), 'event: ping\ndata: {"type":"ping"}\n\n');
  await reader.cancel();
});

const weather = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ name: "weather", description: "Now", input_schema: weather }];

Deno.test("anthropic: a message that calls tools waits for their results, whole and streamed", async () => {
  const text = 'Let me see.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>';
  const app = appOf(new FakeGenerator(() => spell(text)));
  const whole = await answer(app, path, { ...minimal, tools }, messagesResponse.strict());
  assert.equal(whole.stop_reason, "tool_use");
  const [said, call] = whole.content;
  assert(said?.type === "text" && call?.type === "tool_use");
  assert.deepEqual([said.text, call.name, call.input], ["Let me see.", "weather", { city: "Oslo" }]);
  const events = await namedEvents(await post(app, path, { ...minimal, tools, stream: true }));
  const started = events.filter(({ type }) => type === "content_block_start");
  assert.deepEqual(started.map(({ content_block }) => content_block.type), ["text", "tool_use"]);
  assert.deepEqual([started[1]!.content_block.name, started[1]!.content_block.input], ["weather", {}]);
  const deltas = events.flatMap(({ delta }) => delta?.partial_json ?? []);
  assert.deepEqual(JSON.parse(deltas.join("")), { city: "Oslo" });
  assert.equal(events.at(-2)!.delta.stop_reason, "tool_use");
});

Deno.test("anthropic: the choice among tools", async () => {
  const asked = async (tool_choice?: object) => {
    const generator = new FakeGenerator();
    await answer(appOf(generator), path, { ...minimal, tools, tool_choice }, messagesResponse);
    const { constraint } = generator.only.request;
    const rendered = generator.rendered[0]!.options.tools?.length ?? 0;
    return { rendered, grammar: constraint?.grammar };
  };
  const auto = await asked();
  assert.deepEqual(await asked({ type: "auto" }), auto);
  assert.deepEqual([auto.rendered, auto.grammar?.type], [1, "structural_tag"]);
  const any = await asked({ type: "any" });
  assert.notDeepEqual(any, auto);
  const one = await asked({ type: "any", disable_parallel_tool_use: true });
  assert.notDeepEqual(one, any);
  // A tool that is named is used once.
  assert.deepEqual(await asked({ type: "tool", name: "weather" }), one);
  assert.deepEqual(await asked({ type: "none" }), { rendered: 0, grammar: undefined });
  const broken = [{
    name: "weather",
    input_schema: { type: "object", properties: { city: { type: "strin" } } },
  }];
  assert.match((await refusal({ ...minimal, tools: broken })).message, /tools\[0\]\.input_schema/);
  const { message } = await refusal({ ...minimal, tools, tool_choice: { type: "tool", name: "time" } });
  assert.match(message, /tool_choice: there is no tool "time"/);
});

Deno.test("anthropic: thinking is a block before the text, and its budget a constraint", async () => {
  const generator = new Reasoner(() => write("<think>", "One", " two", "</think>", "Yes", "."));
  const body = { ...minimal, thinking: { type: "enabled", budget_tokens: 5 } };
  const { content, usage } = await answer(appOf(generator), path, body, messagesResponse);
  assert.deepEqual(content.map((block) => block.type === "thinking" ? block.thinking : block.type), [
    "One two",
    "text",
  ]);
  assert.deepEqual([usage.output_tokens, usage.output_tokens_details?.thinking_tokens], [7, 4]);
  assert.equal(generator.only.request.constraint?.thinking?.maxTokens, 5);
  const { message } = await refusal(body);
  assert.match(message, /thinking\.budget_tokens/);
});

Deno.test("anthropic: a schema that the answer follows", async () => {
  for (const place of ["output_config", "output_format"]) {
    const format = { type: "json_schema", schema: weather }, generator = new FakeGenerator();
    const fields = place === "output_config" ? { output_config: { format } } : { output_format: format };
    await answer(appOf(generator), path, { ...minimal, ...fields }, messagesResponse);
    assert.equal(generator.only.request.constraint?.grammar?.type, "ebnf");
  }
  const broken = { format: { type: "json_schema", schema: { type: "strin" } } };
  assert.match(
    (await refusal({ ...minimal, output_config: broken })).message,
    /output_config\.format\.schema/,
  );
});
