// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { inputItems, responsesResponse } from "../../../routes/schema/responses_answer.ts";
import { OverloadedError } from "../../../runtime/contracts/errors.ts";
import { FakeGenerator, spell } from "../../support/fake_generator.ts";
import { answer, type App, appOf, fault, namedEvents, post, until } from "../../support/http.ts";
import { Reasoner, write } from "../../support/reasoner.ts";

const path = "/v1/responses";
const whole = responsesResponse.strict();

function generator(script?: ConstructorParameters<typeof FakeGenerator>[0]): FakeGenerator {
  const fake = new FakeGenerator(script);
  fake.model = { ...fake.model, contextLength: 1000 };
  return fake;
}

async function get<T>(app: App, path: string, schema: z.ZodType<T>): Promise<T> {
  const response = await app.request(path);
  assert.equal(response.status, 200, await response.clone().text());
  return schema.parse(await response.json());
}

Deno.test("responses: an answer has its text, counts, and fields of the request", async () => {
  const fake = generator(), fields = { temperature: 0.5, metadata: { a: "b" }, instructions: "Be brief." };
  const response = await answer(appOf(fake), path, { input: "Hi", ...fields }, whole);
  assert.match(response.id, /^resp_/);
  assert.equal(fake.only.request.requestId, response.id);
  assert.deepEqual([response.status, response.incomplete_details, response.error], ["completed", null, null]);
  const [item] = response.output;
  assert(item?.type === "message");
  assert.equal(item.content[0]!.text, "Hi!");
  const { temperature, metadata, instructions } = response;
  assert.deepEqual({ temperature, metadata, instructions }, fields);
  const { input_tokens, output_tokens, total_tokens } = response.usage!;
  assert.deepEqual([output_tokens, total_tokens], [4, input_tokens + 4]);
});

Deno.test("responses: a stream is numbered, and its last event has the response", async () => {
  const app = appOf(generator());
  const events = await namedEvents(await post(app, path, { input: "Hi", stream: true }));
  assert.deepEqual(events.map(({ sequence_number }) => sequence_number), [...events.keys()]);
  assert.deepEqual(events.map(({ type }) => type.replace(/^response\./, "")), [
    ...["created", "in_progress", "output_item.added", "content_part.added"],
    ...["H", "i", "!"].map(() => "output_text.delta"),
    ...["output_text.done", "content_part.done", "output_item.done", "completed"],
  ]);
  const begun = whole.parse(events[0]!.response), ended = whole.parse(events.at(-1)!.response);
  assert.deepEqual([begun.status, begun.output, begun.usage], ["in_progress", [], null]);
  assert.deepEqual([ended.status, ended.id], ["completed", begun.id]);
  assert.deepEqual(await get(app, `${path}/${ended.id}`, whole), ended);
});

Deno.test("responses: one that the limit of tokens ends is incomplete, whole and streamed", async () => {
  const app = appOf(generator(() => [{ text: "H", tokens: [72], finish: { type: "length", length: 1 } }]));
  const body = { input: "Hi", max_output_tokens: 1 };
  const response = await answer(app, path, body, whole);
  assert.deepEqual([response.status, response.incomplete_details], [
    "incomplete",
    { reason: "max_output_tokens" },
  ]);
  assert.equal(response.output[0]!.status, "incomplete");
  const events = await namedEvents(await post(app, path, { ...body, stream: true }));
  assert.deepEqual([events.at(-1)!.type, events.at(-1)!.response.status], [
    "response.incomplete",
    "incomplete",
  ]);
});

Deno.test("responses: items become messages of a chat; the assistant's turn is one", async () => {
  const fake = generator();
  await answer(appOf(fake), path, {
    instructions: "Be brief.",
    input: [
      {
        role: "developer",
        content: [{ type: "input_text", text: "Be" }, { type: "input_text", text: "kind." }],
      },
      { role: "user", content: "Weather?" },
      { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "Hmm." }] },
      {
        type: "message",
        role: "assistant",
        content: [{ type: "output_text", text: "Let me see.", annotations: [], parsed: null }],
      },
      { type: "function_call", call_id: "a", name: "weather", arguments: '{"city":"Rome"}' },
      { type: "function_call", call_id: "b", name: "time", arguments: "{}", parsed_arguments: {} },
      { type: "function_call_output", call_id: "a", output: "rain" },
      { type: "function_call_output", call_id: "b", output: [{ type: "input_text", text: "noon" }] },
      { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "So." }] },
      { type: "message", role: "assistant", content: [{ type: "refusal", refusal: "No." }] },
    ],
  }, whole);
  assert.deepEqual(fake.rendered[0]!.messages, [
    { role: "system", content: "Be brief." },
    { role: "developer", content: "Be\nkind.", contentParts: ["Be", "kind."] },
    { role: "user", content: "Weather?" },
    {
      role: "assistant",
      content: "Let me see.",
      toolCalls: [
        { id: "a", name: "weather", arguments: '{"city":"Rome"}' },
        { id: "b", name: "time", arguments: "{}" },
      ],
      reasoning: "Hmm.",
    },
    { role: "tool", content: "rain", toolCallId: "a" },
    { role: "tool", content: "noon", toolCallId: "b" },
    { role: "assistant", content: "No.", reasoning: "So." },
  ]);
});

Deno.test("responses: a stored one is continued, without its instructions", async () => {
  const fake = generator(), app = appOf(fake);
  const first = await answer(app, path, { input: "One", instructions: "Be brief." }, whole);
  const second = await answer(app, path, { input: "Two", previous_response_id: first.id }, whole);
  await answer(app, path, { input: "Three", previous_response_id: second.id }, whole);
  assert.deepEqual(fake.rendered[2]!.messages.map(({ role, content }) => [role, content]), [
    ["user", "One"],
    ["assistant", "Hi!"],
    ["user", "Two"],
    ["assistant", "Hi!"],
    ["user", "Three"],
  ]);
  assert.equal(second.previous_response_id, first.id);
  const items = await get(app, `${path}/${second.id}/input_items?order=asc`, inputItems.strict());
  assert.deepEqual(items.data.map(({ type }) => type), ["message", "message", "message"]);
  const last = await get(app, `${path}/${second.id}/input_items?limit=1`, inputItems.strict());
  assert.deepEqual([last.data, last.has_more], [[items.data.at(-1)], true]);
  const rest = await get(app, `${path}/${second.id}/input_items?after=${last.last_id}`, inputItems.strict());
  assert.deepEqual(rest.data, items.data.slice(0, 2).toReversed());
});

Deno.test("responses: a reference stands for an item that is stored", async () => {
  const fake = generator(), app = appOf(fake);
  const { output: [item] } = await answer(app, path, { input: "One" }, whole);
  const input = [{ role: "user", content: "Go on" }, { type: "item_reference", id: item!.id }, {
    id: item!.id,
  }];
  await answer(app, path, { input }, whole);
  assert.deepEqual(fake.rendered[1]!.messages.map(({ content }) => content), ["Go on", "Hi!", "Hi!"]);
  const { param, status } = await fault(app, path, { input: [{ type: "item_reference", id: "msg_0" }] });
  assert.deepEqual([param, status], ["input[0].id", 400]);
});

Deno.test("responses: what is not stored, or deleted, is not found", async () => {
  const app = appOf(generator());
  const { id } = await answer(app, path, { input: "One", store: false }, whole);
  assert.equal((await app.request(`${path}/${id}`)).status, 404);
  const unknown = await fault(app, path, { input: "Two", previous_response_id: id });
  assert.deepEqual([unknown.status, unknown.param, unknown.code], [
    404,
    "previous_response_id",
    "previous_response_not_found",
  ]);
  // The path is known.
  assert.equal((await fault(app, `${path}/${id}/cancel`, {})).code, null);
  const stored = await answer(app, path, { input: "One" }, whole);
  const deleted = await app.request(`${path}/${stored.id}`, { method: "DELETE" });
  assert.deepEqual(await deleted.json(), { id: stored.id, object: "response", deleted: true });
  for (const suffix of ["", "/input_items"]) {
    assert.equal((await app.request(`${path}/${stored.id}${suffix}`)).status, 404);
  }
});

Deno.test("responses: one that is being made is cancelled by its id, one that has ended stays as it is", async () => {
  const fake = generator(() => [{ text: "H", tokens: [72] }, "wait"]), app = appOf(fake);
  const response = await post(app, path, { input: "Hi", stream: true });
  const reader = response.body!.getReader();
  await reader.read();
  const id = fake.only.request.requestId;
  assert.equal((await get(app, `${path}/${id}`, whole)).status, "in_progress");
  const early = await fault(app, path, { input: "Go on", previous_response_id: id, stream: true });
  assert.deepEqual([early.status, early.param], [400, "previous_response_id"]);
  const undeletable = await app.request(`${path}/${id}`, { method: "DELETE" });
  assert.equal(undeletable.status, 400);
  const cancelled = await post(app, `${path}/${id}/cancel`, {});
  assert.equal(whole.parse(await cancelled.json()).status, "cancelled");
  assert.deepEqual(fake.aborted, [`${id}: it was cancelled`]);
  await reader.cancel();
  await until(() => fake.only.ended);

  const other = appOf(generator()), done = await answer(other, path, { input: "Hi" }, whole);
  assert.deepEqual(await answer(other, `${path}/${done.id}/cancel`, {}, whole), done);
  assert.equal((await fault(other, `${path}/resp_0/cancel`, {})).status, 404);
});

Deno.test("responses: a stream that fails says so in two events, and the response is kept as failed", async () => {
  const app = appOf(generator(() => [...spell("Hi").slice(0, 1), new OverloadedError("Cannot go on", 1)]));
  const events = await namedEvents(await post(app, path, { input: "Hi", stream: true }));
  const [error, failed] = events.slice(-2);
  assert.deepEqual([error!.type, error!.message, error!.code], [
    "error",
    "Cannot go on",
    "rate_limit_exceeded",
  ]);
  assert.deepEqual([failed!.type, failed!.sequence_number], ["response.failed", events.length - 1]);
  const response = whole.parse(failed!.response);
  assert.deepEqual([response.status, response.error!.code], ["failed", "rate_limit_exceeded"]);
  assert.deepEqual(await get(app, `${path}/${response.id}`, whole), response);
});

Deno.test("responses: what is not served is refused by name", async () => {
  const app = appOf(generator());
  const cases: [body: object, param: string][] = [
    [{ background: true }, "background"],
    [{ conversation: "conv_1" }, "conversation"],
    [{ prompt: { id: "p" } }, "prompt"],
    [{ tools: [{ type: "web_search" }] }, "tools[0].type"],
    [{ tool_choice: { type: "mcp" } }, "tool_choice.type"],
    [{ include: ["message.output_text.logprobs"] }, "include[0]"],
    [{ text: { format: { type: "grammar" } } }, "text.format.type"],
    [
      { input: [{ role: "user", content: [{ type: "input_image", image_url: "x" }] }] },
      "input[0].content[0].type",
    ],
    [{ input: [{ type: "computer_call" }] }, "input[0].type"],
    [{ max_output_tokens: 2000 }, "max_output_tokens"],
    [{ input: "x".repeat(1000) }, "input"],
    [{ input: [{ type: "function_call", call_id: "c", name: "f", arguments: "{" }] }, "input[0].arguments"],
    [{ inputs: "x" }, "inputs"],
  ];
  for (const [body, param] of cases) {
    const error = await fault(app, path, { input: "Hi", ...body });
    assert.deepEqual([error.status, error.param], [400, param], error.message);
  }
  assert.equal((await fault(app, path, { input: "Hi", model: "gpt-9" })).status, 404);
});

Deno.test("responses: null stands for every field but the input, and labels are accepted", async () => {
  const app = appOf(generator());
  const { components } = await (await app.request("/openapi.json")).json();
  const { properties } = components.schemas.ResponseRequest;
  const nulls = Object.fromEntries(Object.keys(properties).map((name) => [name, null]));
  await answer(app, path, { ...nulls, input: "Hi" }, whole);
  await answer(app, path, {
    input: "Hi",
    include: ["reasoning.encrypted_content"],
    service_tier: "auto",
    prompt_cache_key: "k",
    truncation: "disabled",
    text: { format: { type: "text" }, verbosity: "medium" },
    reasoning: { effort: null, summary: "auto" },
    tools: [],
    tool_choice: "auto",
  }, whole);
});

const weather = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [
  { type: "function", name: "weather", parameters: weather, strict: true },
  { type: "function", name: "time" },
];

Deno.test("responses: calls of tools, whole and streamed, and their results", async () => {
  const text = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>';
  const fake = generator(() => spell(text)), app = appOf(fake);
  const first = await answer(app, path, { input: "Oslo?", tools, tool_choice: "required" }, whole);
  const [call] = first.output;
  assert(call?.type === "function_call");
  assert.deepEqual([first.status, call.name, call.arguments], ["completed", "weather", '{"city": "Oslo"}']);
  assert.deepEqual(first.tools.map(({ name, strict }) => [name, strict]), [["weather", true], [
    "time",
    null,
  ]]);
  const events = await namedEvents(await post(app, path, { input: "Oslo?", tools, stream: true }));
  const deltas = events.filter(({ type }) => type === "response.function_call_arguments.delta");
  assert.equal(deltas.map(({ delta }) => delta).join(""), call.arguments);
  const input = [{ type: "function_call_output", call_id: call.call_id, output: "rain" }];
  await answer(app, path, { input, tools, previous_response_id: first.id }, whole);
  assert.deepEqual(fake.rendered[2]!.messages.slice(1), [
    {
      role: "assistant",
      content: "",
      toolCalls: [{ id: call.call_id, name: "weather", arguments: call.arguments }],
    },
    { role: "tool", content: "rain", toolCallId: call.call_id },
  ]);
});

Deno.test("responses: the choice among tools", async () => {
  const asked = async (fields: object) => {
    const fake = generator();
    await answer(appOf(fake), path, { input: "Oslo?", tools, ...fields }, whole);
    return fake.only.request.constraint?.grammar;
  };
  const auto = await asked({}), required = await asked({ tool_choice: "required" });
  assert.deepEqual(await asked({ tool_choice: "auto" }), auto);
  const named = await asked({ tool_choice: { type: "function", name: "time" } });
  const only = { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "time" }] };
  // A named function is called once.
  assert.deepEqual(await asked({ tool_choice: only, parallel_tool_calls: false }), named);
  assert.notDeepEqual(await asked({ tool_choice: only }), named);
  assert.equal(new Set([auto, required, named].map((grammar) => JSON.stringify(grammar))).size, 3);
  assert.notDeepEqual(await asked({ tool_choice: "required", parallel_tool_calls: false }), required);
  assert.equal(await asked({ tool_choice: "none" }), undefined);
  const { param } = await fault(appOf(generator()), path, {
    input: "Oslo?",
    tools,
    tool_choice: { type: "function", name: "x" },
  });
  assert.equal(param, "tool_choice");
});

Deno.test("responses: reasoning is an item before the message, and counted", async () => {
  const fake = new Reasoner(() => write("<think>", "One", " two", "</think>", "Yes", ".")), app = appOf(fake);
  const body = { input: "Hi", reasoning: { effort: "low", summary: "auto" } };
  const response = await answer(app, path, body, whole);
  const [thought, said] = response.output;
  assert(thought?.type === "reasoning" && said?.type === "message");
  assert.deepEqual([thought.content[0]!.text, said.content[0]!.text], ["One two", "Yes."]);
  assert.deepEqual(response.reasoning, { effort: "low", summary: "auto" });
  assert.equal(response.usage!.output_tokens_details.reasoning_tokens, 4);
  assert.deepEqual(fake.rendered[0]!.options.reasoning, {
    enabled: true,
    effort: "low",
    param: "reasoning.effort",
  });
  const events = await namedEvents(await post(app, path, { ...body, stream: true }));
  const deltas = events.filter(({ type }) => type === "response.reasoning_text.delta");
  assert.equal(deltas.map(({ delta }) => delta).join(""), "One two");
});

Deno.test("responses: what the text must match", async () => {
  const asked = async (format: object) => {
    const fake = generator();
    const { text } = await answer(appOf(fake), path, { input: "Hi", text: { format } }, whole);
    assert.equal(text.format.type, (format as { type: string }).type);
    return fake.only.request.constraint?.grammar?.type;
  };
  assert.equal(await asked({ type: "text" }), undefined);
  assert.equal(await asked({ type: "json_object" }), "ebnf");
  assert.equal(await asked({ type: "json_schema", name: "w", schema: weather, strict: true }), "ebnf");
  const broken = { type: "json_schema", name: "w", schema: { type: "strin" } };
  const { param } = await fault(appOf(generator()), path, { input: "Hi", text: { format: broken } });
  assert.equal(param, "text.format.schema");
});

Deno.test("responses: with truncation, as many of the last turns as fit are kept, and instructions", async () => {
  const fake = generator(),
    turn = (text: string) => [
      { role: "user", content: text.repeat(50) },
      { role: "assistant", content: text.repeat(50) },
    ];
  const input = [
    { role: "developer", content: "Be brief." },
    ...[..."abcdefghijklmnop"].flatMap(turn),
    { role: "user", content: "So?" },
  ];
  const { truncation } = await answer(appOf(fake), path, { input, truncation: "auto" }, whole);
  assert.equal(truncation, "auto");
  const kept = fake.rendered.at(-1)!.messages.map(({ content }) => content);
  assert(fake.only.request.promptTokens.length > 850, "no turn that fits is dropped");
  assert.deepEqual(kept.slice(0, 1), ["Be brief."]);
  assert.deepEqual(kept.slice(1), input.slice(1 - kept.length).map(({ content }) => content));
  const { param } = await fault(appOf(generator()), path, { input: "x".repeat(2000), truncation: "auto" });
  assert.equal(param, "input");
});
