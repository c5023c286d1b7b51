// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Tools of chats: what the model is told and made to write, and how its calls are answered.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { chatResponse } from "../../../routes/schema/chat.ts";
import { FakeGenerator, spell } from "../../support/fake_generator.ts";
import { answer, appOf, events, fault } from "../../support/http.ts";

const path = "/v1/chat/completions";
const messages = [{ role: "user", content: "Oslo?" }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const weather = { type: "function", function: { name: "weather", description: "Now", parameters } };
const time = { type: "function", function: { name: "time", strict: true } };
const tools = [weather, time];
const callText = (name: string, given: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${given}}\n</tool_call>`;

const delta = z.object({
  choices: z.array(z.object({
    delta: z.strictObject({
      role: z.literal("assistant").optional(),
      content: z.string().optional(),
      reasoning_content: z.null(),
      tool_calls: z.array(z.strictObject({
        index: z.int(),
        id: z.string().optional(),
        type: z.literal("function").optional(),
        function: z.strictObject({ name: z.string().optional(), arguments: z.string() }),
      })).length(1).optional(),
      function_call: z.strictObject({ name: z.string().optional(), arguments: z.string() }).optional(),
    }),
    finish_reason: z.string().nullable(),
  })).length(1),
});

/** The structural tag that a request's generation must match. */
function tagOf(generator: FakeGenerator): { readonly type: string; readonly [field: string]: unknown } {
  const { constraint } = generator.only.request;
  assert(constraint?.grammar?.type === "structural_tag");
  assert.equal(constraint.param, "tools");
  return JSON.parse(constraint.grammar.tag).format;
}

Deno.test("chat tools: a call is told apart from text, whole and streamed", async () => {
  const text = `Let me see.\n${callText("weather", '{"city": "Oslo"}')}\n${callText("time", "{}")}`;
  const { choices: [choice] } = await answer(
    appOf(new FakeGenerator(() => spell(text))),
    path,
    { messages, tools },
    chatResponse,
  );
  assert.equal(choice!.finish_reason, "tool_calls");
  assert.equal(choice!.message.content, "Let me see.");
  const calls = choice!.message.tool_calls!;
  assert.deepEqual(calls.map((call) => call.function), [
    { name: "weather", arguments: '{"city": "Oslo"}' },
    { name: "time", arguments: "{}" },
  ]);
  for (const { id } of calls) assert.match(id, /^call_\w{24}$/);
  assert.notEqual(calls[0]!.id, calls[1]!.id);

  const app = appOf(new FakeGenerator(() => spell(text)));
  const deltas = (await events(app, path, { messages, tools }, delta)).map(({ choices }) => choices[0]!);
  assert.deepEqual(deltas.map(({ finish_reason }) => finish_reason).filter((reason) => reason), [
    "tool_calls",
  ]);
  assert.equal(deltas.map(({ delta }) => delta.content ?? "").join(""), "Let me see.");
  const parts = deltas.flatMap(({ delta }) => delta.tool_calls ?? []);
  const starts = parts.filter(({ id }) => id !== undefined);
  assert.deepEqual(
    starts.map(({ index, type, function: { name, arguments: given } }) => [index, type, name, given]),
    [
      [0, "function", "weather", ""],
      [1, "function", "time", ""],
    ],
  );
  for (const [i, expected] of ['{"city": "Oslo"}', "{}"].entries()) {
    const ofCall = parts.filter(({ index }) => index === i);
    assert.equal(ofCall.map((part) => part.function.arguments).join(""), expected);
    assert.ok(
      ofCall.slice(1).every((part) => part.function.name === undefined),
      "the name comes once, first",
    );
  }
  assert.ok(parts.length > 6, "arguments come piece by piece");
});

Deno.test("chat tools: an answer that only calls has no content; one that is cut off says length", async () => {
  const whole = callText("time", "{}"), finish = { type: "length", length: 3 } as const;
  const cut = [{ text: whole.slice(0, -20), tokens: [1, 2, 3], finish }];
  const cases = [[spell(whole), "tool_calls"], [cut, "length"]] as const;
  for (const [script, reason] of cases) {
    const app = appOf(new FakeGenerator(() => script));
    const { choices: [choice] } = await answer(app, path, { messages, tools }, chatResponse);
    assert.equal(choice!.finish_reason, reason);
    assert.equal(choice!.message.content, null);
    assert.equal(choice!.message.tool_calls!.length, 1);
  }
});

Deno.test("chat tools: the template gets the tools in OpenAI's form", async () => {
  const generator = new FakeGenerator();
  await answer(appOf(generator), path, { messages, tools }, chatResponse);
  assert.deepEqual(generator.rendered[0]!.options.tools, [
    weather,
    { type: "function", function: { name: "time", parameters: {}, strict: true } },
  ]);
});

Deno.test("chat tools: what the choice asks for is enforced", async (t) => {
  const named = (name: string) => ({ type: "function", function: { name } });
  const allowed = (mode: string, ...names: string[]) => ({
    type: "allowed_tools",
    allowed_tools: { mode, tools: names.map(named) },
  });
  const cases = [
    { choice: undefined, names: ["weather", "time"], isRequired: false },
    { choice: "auto", names: ["weather", "time"], isRequired: false },
    { choice: "required", names: ["weather", "time"], isRequired: true },
    { choice: named("time"), names: ["time"], isRequired: true },
    { choice: allowed("auto", "weather"), names: ["weather"], isRequired: false },
    { choice: allowed("required", "time", "weather"), names: ["weather", "time"], isRequired: true },
  ];
  for (const { choice, names, isRequired } of cases) {
    for (const isParallel of [true, false]) {
      await t.step(`${JSON.stringify(choice)}, parallel: ${isParallel}`, async () => {
        const generator = new FakeGenerator();
        const request = { messages, tools, tool_choice: choice, parallel_tool_calls: isParallel };
        await answer(appOf(generator), path, request, chatResponse);
        const tag = tagOf(generator), text = JSON.stringify(tag);
        const isNamed = typeof choice === "object" && choice.type === "function";
        for (const name of ["weather", "time"]) {
          assert.equal(
            text.includes(JSON.stringify(`{"name": "${name}", "arguments": `)),
            names.includes(name),
          );
        }
        assert.equal(text.includes("city"), names.includes("weather"), "arguments are those of the schema");
        assert.equal(tag.type, isRequired ? "tag" : "triggered_tags");
        assert.equal(text.includes('"stop_after_first":true'), !isParallel || isNamed);
      });
    }
  }
});

Deno.test("chat tools: where no grammars are enforced, only what must be enforced brings one", async () => {
  const grammarOf = async (body: object) => {
    const generator = new FakeGenerator();
    generator.model = { ...generator.model, enforcesGrammars: false };
    await answer(appOf(generator), path, { messages, ...body }, chatResponse);
    return generator.only.request.constraint?.grammar;
  };
  assert.equal(await grammarOf({ tools: [weather] }), undefined);
  assert.ok(await grammarOf({ tools: [weather], tool_choice: "required" }));
  assert.ok(await grammarOf({ tools: [time] }), "it is strict");
  assert.ok(await grammarOf({ tools: [weather], response_format: { type: "json_object" } }));
});

Deno.test("chat tools: a schema that cannot be enforced is any object, unless its tool is strict", async () => {
  const toolOf = (fields: object) => ({
    type: "function",
    function: { name: "f", parameters: { properties: { odd: { type: "array", contains: {} } } }, ...fields },
  });
  const generator = new FakeGenerator();
  await answer(appOf(generator), path, { messages, tools: [toolOf({})] }, chatResponse);
  const tag = JSON.stringify(tagOf(generator));
  assert.ok(tag.includes("arguments") && !tag.includes("odd"));
  const strict = { messages, tools: [toolOf({ strict: true })] };
  const { param, message } = await fault(appOf(new FakeGenerator()), path, strict);
  assert.equal(param, "tools[0].function.parameters");
  assert.match(message, /#\/properties\/odd\/contains/);
});

Deno.test("chat tools: none offers none, and text stays text", async () => {
  const generator = new FakeGenerator(() => spell(callText("time", "{}")));
  const request = { messages, tools, tool_choice: "none" };
  const { choices: [choice] } = await answer(appOf(generator), path, request, chatResponse);
  assert.equal(choice!.message.content, callText("time", "{}"));
  assert.equal(choice!.finish_reason, "stop");
  assert.equal(generator.only.request.constraint, undefined);
  assert.equal(generator.rendered[0]!.options.tools, undefined);
});

Deno.test("chat tools: the older form is answered in its own words", async () => {
  const functions = [weather.function], script = () => spell(callText("weather", '{"city": "Oslo"}'));
  const generator = new FakeGenerator(script);
  const request = { messages, functions, function_call: { name: "weather" } };
  const { choices: [choice] } = await answer(appOf(generator), path, request, chatResponse);
  assert.deepEqual(choice!.message.function_call, { name: "weather", arguments: '{"city": "Oslo"}' });
  assert.equal(choice!.message.tool_calls, undefined);
  assert.equal(choice!.finish_reason, "function_call");
  assert.equal(tagOf(generator).type, "tag");
  const chunks = await events(appOf(new FakeGenerator(script)), path, { messages, functions }, delta);
  const parts = chunks.flatMap(({ choices }) => choices[0]!.delta.function_call ?? []);
  assert.equal(parts[0]!.name, "weather");
  assert.equal(parts.map((part) => part.arguments).join(""), '{"city": "Oslo"}');
  assert.equal(chunks.at(-1)!.choices[0]!.finish_reason, "function_call");
});

Deno.test("chat tools: calls and results go back to the model, round by round", async () => {
  const generator = new FakeGenerator();
  const call = (id: string, given: string) => ({
    id,
    type: "function",
    function: { name: "weather", arguments: given, parsed_arguments: { city: "Oslo" } },
  });
  await answer(appOf(generator), path, {
    messages: [
      ...messages,
      { role: "assistant", content: null, tool_calls: [call("c1", '{"city": "Oslo"}'), call("c2", "")] },
      { role: "tool", tool_call_id: "c1", content: "cold" },
      { role: "tool", tool_call_id: "c2", content: [{ type: "text", text: "warm" }] },
      { role: "assistant", tool_calls: [call("c3", "{}")] },
      { role: "tool", tool_call_id: "c3", content: "mild" },
    ],
    tools,
  }, chatResponse);
  assert.deepEqual(generator.rendered[0]!.messages.slice(1, 3), [
    {
      role: "assistant",
      content: "",
      toolCalls: [
        { id: "c1", name: "weather", arguments: '{"city": "Oslo"}' },
        { id: "c2", name: "weather", arguments: "" },
      ],
    },
    { role: "tool", content: "cold", toolCallId: "c1" },
  ]);
});

Deno.test("chat tools: marks that are special tokens are shown to what reads calls", async () => {
  class OneToken extends FakeGenerator {
    override encode(text: string): Promise<Int32Array> {
      return text === "</tool_call>" ? Promise.resolve(Int32Array.of(7)) : super.encode(text);
    }
  }
  const generator = new OneToken();
  await answer(appOf(generator), path, { messages, tools }, chatResponse);
  assert.deepEqual(generator.only.request.shownTokens, [7]);
});

Deno.test("chat tools: a template whose form of calls is not served is refused, unless a flag names one", async () => {
  const generator = new FakeGenerator();
  const chatTemplate = "{% for t in tools %}{{ t }}{% endfor %}<tool_call>\n<function=";
  generator.model = { ...generator.model, tokenizer: { addsBos: false, chatTemplate } };
  const { param, message } = await fault(appOf(generator), path, { messages, tools });
  assert.equal(param, "tools");
  assert.match(message, /form that is not served/);
  await answer(appOf(generator), path, { messages, tools, tool_choice: "none" }, chatResponse);
  generator.model = { ...generator.model, toolCallParser: "llama3" };
  await answer(appOf(generator), path, { messages, tools }, chatResponse);
});

Deno.test("chat tools: where no grammar is enforced, calls are read as the model writes them", async () => {
  const generator = new FakeGenerator(() => spell(callText("time", "{}")));
  generator.model = { ...generator.model, enforcesGrammars: false };
  const lax = [{ type: "function", function: { name: "time" } }];
  const { choices: [choice] } = await answer(appOf(generator), path, { messages, tools: lax }, chatResponse);
  assert.equal(choice!.message.tool_calls!.length, 1);
  assert.equal(generator.only.request.constraint, undefined);
});

Deno.test("chat tools: content follows its format unless a call is made", async () => {
  const generator = new FakeGenerator();
  const format = { type: "json_schema", json_schema: { name: "x", schema: { enum: ["yes"] } } };
  await answer(appOf(generator), path, { messages, tools, response_format: format }, chatResponse);
  const { type, elements } = tagOf(generator) as unknown as { type: string; elements: unknown[] };
  assert.equal(type, "or");
  assert.match(JSON.stringify(elements[0]), /yes/);
  assert.match(JSON.stringify(elements[1]), /tool_call/);
});

Deno.test("chat tools: what cannot be is refused by name", async (t) => {
  const of = (fields: object) => ({ tools: [{ type: "function", function: { name: "f", ...fields } }] });
  const called = (given: string) => ({
    messages: [...messages, {
      role: "assistant",
      tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: given } }],
    }],
  });
  const cases: readonly (readonly [fields: object, param: string, message: RegExp])[] = [
    [{ tools: [{ type: "function", function: {} }] }, "tools[0].function.name", /string/],
    [of({ name: "" }), "tools[0].function.name", /1 to 128 letters/],
    [of({ name: "two words" }), "tools[0].function.name", /1 to 128 letters/],
    [{ tools: [weather, weather] }, "tools[1].function.name", /two tools "weather"/],
    [{ tools: [{ type: "custom", custom: { name: "f" } }] }, "tools[0].type", /not supported yet/],
    [of({ name: "f", parameters: "x" }), "tools[0].function.parameters", /expected an object/],
    [
      of({ name: "f", parameters: { type: "string" } }),
      "tools[0].function.parameters.type",
      /expected object/,
    ],
    [
      of({ name: "f", parameters: { properties: { a: { type: "no" } } } }),
      "tools[0].function.parameters",
      /#\/properties\/a\/type/,
    ],
    [{ tool_choice: "required" }, "tool_choice", /there are no tools/],
    [{ tool_choice: "any" }, "tool_choice", /expected none, auto, required/],
    [{ tools, tool_choice: { type: "function", function: { name: "x" } } }, "tool_choice", /no tool "x"/],
    [{ tool_choice: { type: "function", function: { name: "x" } } }, "tool_choice", /no tool "x"/],
    [{ tools, functions: [weather.function] }, "functions", /tools are given too/],
    [{ functions: [{}] }, "functions[0].name", /string/],
    [called("{"), "messages[1].tool_calls[0].function.arguments", /it is no JSON/],
    [called("[1]"), "messages[1].tool_calls[0].function.arguments", /JSON text of an object/],
    [
      { messages: [{ role: "assistant", function_call: { name: "f", arguments: "x" } }] },
      "messages[0].function_call.arguments",
      /it is no JSON/,
    ],
  ];
  const generator = new FakeGenerator();
  for (const [fields, param, message] of cases) {
    await t.step(JSON.stringify(fields).slice(0, 80), async () => {
      const error = await fault(appOf(generator), path, { messages, ...fields });
      assert.equal(error.status, 400);
      assert.equal(error.param, param, error.message);
      assert.match(error.message, message);
    });
  }
  assert.equal(generator.seen.length, 0);
});
