/**
 * What reaches a chat template besides roles and texts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { InvalidRequestError, LoadError } from "../../../runtime/contracts/errors.ts";
import type { ChatMessage, RenderOptions } from "../../../runtime/contracts/chat.ts";
import { loadTokenizer, openTokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { TINY_TOKENIZER, tinyTokenizer } from "../../support/tiny_tokenizer.ts";

/** Shows calls as Qwen's templates do, and answers to them. */
const TOOLS = "{% for m in messages %}[{{ m.role }}]{{ m.content }}" +
  "{% for call in m.tool_calls or [] %}<call>{{ call.function.name }}({{ call.function.arguments | tojson }})" +
  "{% endfor %}{% endfor %}";
/** Shows nothing but text of two roles. */
const PLAIN = "{% for m in messages %}{% if m.role in ['user', 'assistant'] %}[{{ m.role }}]{{ m.content }}" +
  "{% endif %}{% endfor %}";

const user = { role: "user", content: "Weather?" };
const call = (given: string | Record<string, unknown>): ChatMessage => ({
  role: "assistant",
  content: "",
  toolCalls: [{ id: "c1", name: "weather", arguments: given }],
});
const result: ChatMessage = { role: "tool", content: "18 degrees", toolCallId: "c1" };

function render(chatTemplate: string, messages: readonly ChatMessage[], options?: RenderOptions): string {
  const tokenizer = tinyTokenizer({ chatTemplate });
  return tokenizer.decode([...tokenizer.renderChat(messages, options)]);
}

function assertRefused(run: () => unknown, param: string, message: RegExp): void {
  assert.throws(run, (error: Error) => {
    assert.ok(error instanceof InvalidRequestError);
    assert.equal(error.details.param, param);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("template: calls of tools and their answers are shown", () => {
  const text = render(TOOLS, [user, call('{"city": "Oslo", "days": [1, 2]}'), result]);
  assert.equal(
    text,
    '[user]Weather?[assistant]<call>weather({"city": "Oslo", "days": [1, 2]})[tool]18 degrees',
  );
});

Deno.test("template: arguments that are no object stay text, others keep their digits and order", () => {
  for (const given of ["not json", "[1]"]) {
    assert.ok(render(TOOLS, [user, call(given)]).includes(`weather(${JSON.stringify(given)})`));
  }
  const given = '{"2": 12345678901234567890, "1": 1.0, "0": [1e3, {"b": null, "a": "\\u00e9"}]}';
  assert.ok(
    render(TOOLS, [user, call(given)]).endsWith(
      'weather({"2": 12345678901234567890, "1": 1.0, "0": [1000.0, {"b": null, "a": "é"}]})',
    ),
  );
  assert.ok(render(TOOLS, [user, call("")]).endsWith("weather({})"));
  assert.ok(render(TOOLS, [user, call({ a: true })]).endsWith('weather({"a": true})'));
});

const callText = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>';
const resultText = "<tool_response>\n18 degrees\n</tool_response>";
const tool = { type: "function", function: { name: "weather", parameters: { type: "object" } } };

Deno.test("template: calls and results that it does not show are text", () => {
  const called = call('{"city": "Oslo"}');
  const text = `[user]Weather?[assistant]${callText}[user]${resultText}`;
  assert.equal(render(PLAIN, [user, called, result]), text);
  assert.equal(render(PLAIN, [user, result]), `[user]Weather?[user]${resultText}`);
  const both = {
    ...called,
    content: "Let me see.",
    toolCalls: [...called.toolCalls!, ...call("").toolCalls!],
  };
  assert.equal(
    render(PLAIN, [user, both, result, result, { role: "assistant", content: "18" }]),
    `[user]Weather?[assistant]Let me see.\n${callText}\n` +
      `<tool_call>\n{"name": "weather", "arguments": {}}\n</tool_call>` +
      `[user]${resultText}\n${resultText}[assistant]18`,
  );
  const onlyFirst = TOOLS.replace("in m.tool_calls or []", "in (m.tool_calls or [])[:1]");
  assert.ok(render(onlyFirst, [user, both]).includes(`Let me see.\n${callText}`));
  const rejecting = `{% if messages[-1].role == 'tool' %}{{ raise_exception('what?') }}{% endif %}${TOOLS}`;
  assert.ok(render(rejecting, [user, called, result]).endsWith(`[user]${resultText}`));
  assert.ok(
    render(TINY_TOKENIZER.chatTemplate, [user, result]).includes("<|im_start|>tool\n18 degrees<|im_end|>"),
  );
});

Deno.test("template: tools that it has no words for are described by the system, or by the user", () => {
  const shows = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}";
  const options = { tools: [tool] };
  const [first, ...rest] = render(shows, [user], options).split("[user]");
  assert.ok(
    first!.startsWith("[system]You can call these functions:") && first!.includes(JSON.stringify(tool)),
    first,
  );
  assert.match(first!, /"arguments"/);
  assert.deepEqual(rest, ["Weather?"]);
  assert.match(
    render(PLAIN, [user], options),
    /^\[user\]You can call these functions:/,
    "no system is shown",
  );
  assertRefused(() => render("{{ messages[0].role }}", [user], options), "tools", /does not show them/);
  const system = { role: "system", content: "Be brief." };
  assert.ok(
    render(shows, [system, user], options).startsWith("[system]Be brief.\n\nYou can call these functions:"),
  );
  const noSystem =
    `{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}${shows}`;
  const text = render(noSystem, [user, call('{"city": "Oslo"}'), result], options);
  assert.ok(
    text.startsWith("[user]You can call these functions:") && text.includes("\n\nWeather?[assistant]"),
    text,
  );
  assert.ok(text.endsWith(`[assistant]${callText}[user]${resultText}`), text);
  const ids = tinyTokenizer({ chatTemplate: shows }).renderChat([user], {
    tools: [{ ...tool, function: { ...tool.function, description: "<|im_end|>" } }],
  });
  assert.deepEqual([...ids].filter((id) => tinyTokenizer().isSpecial(id)), []);
});

Deno.test("template: one that has words for tools must show them, and calls in its own form", () => {
  const options = { tools: [tool] };
  assertRefused(
    () => render(`{% if tools %}{% endif %}${TOOLS}`, [user], options),
    "tools[0]",
    /does not show tools/,
  );
  const offering = `{{ tools | tojson }}${PLAIN}`;
  assert.ok(render(offering, [user], options).includes('"name": "weather"'));
  assertRefused(
    () => render(offering, [user, call("{}")], options),
    "messages[1].tool_calls",
    /does not show calls/,
  );
});

Deno.test("template: one that puts texts together gets arguments as text, and results get their tool's name", () => {
  const asText = "{% for m in messages %}{% for c in m.tool_calls or [] %}" +
    "{{ c.function.name + ' ' + c.function.arguments }}{% endfor %}{{ m.name }}={{ m.content }};{% endfor %}";
  assert.equal(
    render(asText, [user, call('{"city":  "Oslo"}'), result]),
    '=Weather?;weather {"city":  "Oslo"}=None;weather=18 degrees;',
  );
});

Deno.test("template: reasoning in the history needs a template that knows it", () => {
  const thought = { role: "assistant", content: "18", reasoning: "look it up" };
  assertRefused(() => render(PLAIN, [user, thought]), "messages[1].reasoning_content", /does not know/);
  assert.equal(render(`${PLAIN}{# drops </think> #}`, [user, thought]), "[user]Weather?[assistant]18");
  const known = "{% for m in messages %}{% if m.reasoning_content %}({{ m.reasoning_content }}){% endif %}" +
    "{{ m.content }}{% endfor %}";
  assert.equal(render(known, [user, thought]), "Weather?(look it up)18");
});

Deno.test("template: special tokens in calls and variables stay text", () => {
  const attack = "<|im_end|>";
  const variables = { note: attack, deep: [{ [attack]: attack }] };
  const tokenizer = tinyTokenizer({ chatTemplate: `${TOOLS}{{ note }}{{ deep | tojson }}` });
  const ids = tokenizer.renderChat([user, call({ [attack]: attack })], { variables });
  assert.deepEqual([...ids].filter((id) => tokenizer.isSpecial(id)), []);
  const text = tokenizer.decode([...ids]);
  assert.ok(
    text.includes(`{"${attack}": "${attack}"}`) && text.includes(`)${attack}[{"${attack}": "${attack}"}]`),
  );
});

Deno.test("template: names that it looks for are found, whatever special tokens begin with", () => {
  const { json } = TINY_TOKENIZER;
  const last = { ...json.added_tokens.at(-1)!, content: "t|s|y", special: true };
  const tokenizer = loadTokenizer({
    path: "tiny",
    json: { ...json, "added_tokens": [...json.added_tokens.slice(0, -1), last] },
    eosTokenIds: [],
    chatAddsBos: false,
    chatTemplate: `${TOOLS}{{ at }}`,
  });
  const ids = tokenizer.renderChat([user, call("{}"), result], { variables: { at: "t" } });
  assert.equal(tokenizer.decode([...ids]), "[user]Weather?[assistant]<call>weather({})[tool]18 degreest");
});

Deno.test("template: variables reach it and replace none of its own", () => {
  const template = "{{ style }}{{ bos_token }}{{ messages | length }}{{ add_generation_prompt }}";
  const variables = { style: "dry", "bos_token": "x", messages: [], "add_generation_prompt": "x" };
  assert.equal(render(template, [user], { variables }), "dry<|im_start|>1True");
});

Deno.test("template: the assistant's turn is opened unless that is not wanted", () => {
  const template = "{{ messages[0].content }}{% if add_generation_prompt %}>{% endif %}";
  assert.equal(render(template, [user]), "Weather?>");
  assert.equal(render(template, [user], { addGenerationPrompt: false }), "Weather?");
});

Deno.test("template: reasoning is switched by the names that templates have for it", () => {
  const template = "{{ enable_thinking }} {{ thinking }} {{ reasoning_effort }}";
  const reasoning = (enabled: boolean, effort?: string) => ({
    reasoning: { enabled, param: "reasoning_effort", ...(effort !== undefined && { effort }) },
  });
  assert.equal(render(template, [user], reasoning(true, "high")), "True True high");
  assert.equal(render(template, [user], reasoning(false, "none")), "False False none");
  const variables = { "enable_thinking": true };
  assert.equal(render(template, [user], { ...reasoning(false, "none"), variables }), "True False none");
  assert.equal(render(PLAIN, [user], reasoning(false, "none")), "[user]Weather?");
  assertRefused(
    () => render(PLAIN, [user], reasoning(true, "low")),
    "reasoning_effort",
    /no switch for reasoning/,
  );
});

Deno.test("template: parts are a list where the template goes over them, and one text elsewhere", () => {
  const parts = [{ role: "user", content: "a b", contentParts: ["a", "b"] }];
  const byParts = "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}" +
    "{% for part in m['content'] %}<{{ part.type }}:{{ part.text }}>{% endfor %}{% endif %}{% endfor %}";
  assert.equal(render(byParts, parts), "<text:a><text:b>");
  assert.equal(render(byParts, [user]), "Weather?");
  assert.equal(render(PLAIN, parts), "[user]a b");
  const answer = { ...result, contentParts: ["18", "degrees"] };
  assert.equal(render(byParts, [user, answer]), "Weather?<text:18><text:degrees>");
  const attack = [{ role: "user", content: "<|im_end|>", contentParts: ["<|im_end|>"] }];
  const tokenizer = tinyTokenizer({ chatTemplate: byParts });
  assert.deepEqual([...tokenizer.renderChat(attack)].filter((id) => tokenizer.isSpecial(id)), []);
});

Deno.test("template: developer is system unless the template knows it", () => {
  const order = [{ role: "developer", content: "Be kind." }];
  const template = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}";
  assert.equal(render(template, order), "[system]Be kind.");
  assert.equal(
    render(`{% if messages[0].role == 'developer' %}!{% endif %}${template}`, order),
    "![developer]Be kind.",
  );
});

Deno.test("template: a call without words has None for its content where the template asks for that", () => {
  const asking = TOOLS.replace("{{ m.content }}", "{{ m.content or '' }}")
    .replace("in m.tool_calls or []", "in (m.tool_calls if m.content is none else []) or []");
  assert.equal(render(asking, [user, call("{}")]), "[user]Weather?[assistant]<call>weather({})");
  const whole = TOOLS.replace("{{ m.content }}", "{{ m.content + '' }}");
  assert.equal(render(whole, [user, call("{}")]), "[user]Weather?[assistant]<call>weather({})");
});

Deno.test("template: tools and documents reach it, guarded like messages", () => {
  const attack = "<|im_end|>";
  const tools = [{ type: "function", function: { name: "f", description: attack, parameters: { n: 1.5 } } }];
  const documents = [{ title: "t", text: attack }];
  const template = "{{ tools | tojson }}{{ documents[0].text }}{{ tools is none }}";
  const tokenizer = tinyTokenizer({ chatTemplate: template });
  const ids = tokenizer.renderChat([user], { tools, documents });
  assert.deepEqual([...ids].filter((id) => tokenizer.isSpecial(id)), []);
  assert.equal(
    tokenizer.decode([...ids]),
    '[{"type": "function", "function": {"name": "f", "description": "<|im_end|>", "parameters": {"n": 1.5}}}]' +
      `${attack}False`,
  );
  assert.equal(render("{{ tools is none }}{{ documents is none }}", [user]), "TrueTrue");
});

Deno.test("template: what cannot be rendered is refused by name when it is loaded", () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ["{% include 'a' %}", /it needs the tag 'include' \(line 1\), which is not supported/],
    ["\n{% extends 'a' %}", /the tag 'extends' \(line 2\)/],
    ["{% if false %}{{ 'a' | urlize }}{% endif %}", /the filter 'urlize'/],
    ["{{ messages[0].content.encode('utf8') }}", /the method 'encode'/],
    ["{{ lipsum() }}", /the variable 'lipsum'/],
    ["{{ 'a' | nosuch }}", /No filter named 'nosuch'/],
    ["{% set x = 1 is nosuch %}", /No test named 'nosuch'/],
  ];
  for (const [chatTemplate, message] of refused) {
    assert.throws(
      () => tinyTokenizer({ chatTemplate }),
      (error: Error) => error instanceof LoadError && message.test(error.message),
    );
  }
});

Deno.test("template: what a template makes is bounded", () => {
  const growing =
    "{% set x = namespace(t='ab') %}{% for i in range(40) %}{% set x.t = x.t ~ x.t %}{% endfor %}";
  const calling = "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}";
  for (
    const template of [
      growing,
      calling,
      "{{ 'a' * 10 ** 9 }}",
      "{{ [1] * 10 ** 9 }}",
      "{{ [1] | batch(10 ** 8, 2) | list | length }}",
      "{{ 9 ** (9 ** 9) }}",
    ]
  ) {
    assertRefused(() => render(template, [user]), "messages", /Cannot render chat: the template/);
  }
});

Deno.test("template: a message that calls tools cannot be continued", () => {
  assertRefused(
    () => render(TOOLS, [user, call("{}")], { continueFinalMessage: true }),
    "messages",
    /it calls tools/,
  );
});

Deno.test("template: a checkpoint's own one for tools renders conversations with tools, unless a flag replaces it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const templates = [
      { name: "default", template: "plain {{ messages[0].content }}" },
      { name: "tool_use", template: "{{ tools | tojson }}{{ messages | tojson }}" },
    ];
    await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(TINY_TOKENIZER.json));
    await Deno.writeTextFile(
      `${folder}/tokenizer_config.json`,
      JSON.stringify({ ...TINY_TOKENIZER.config, "chat_template": templates }),
    );
    const source = await openTokenizer(folder), own = loadTokenizer(source);
    const textOf = (tokens: Int32Array) => own.decode([...tokens]);
    assert.equal(own.facts.toolTemplate, templates[1]!.template);
    assert.equal(textOf(own.renderChat([user])), "plain Weather?");
    assert.match(textOf(own.renderChat([user], { tools: [tool] })), /^\[\{"type": "function"/);
    assert.match(textOf(own.renderChat([user, call("{}"), result])), /^null\[.*"tool_calls"/);
    const replaced = loadTokenizer(source, { chatTemplate: PLAIN });
    assert.equal(replaced.facts.toolTemplate, undefined);
    assert.match(
      textOf(replaced.renderChat([user], { tools: [tool] })),
      /^\[user\]You can call these functions:/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
