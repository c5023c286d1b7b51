/**
 * What reaches a chat template besides roles and texts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
import type { ChatMessage, RenderOptions } from "../../../runtime/contracts/chat.ts";
import { loadTokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
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

Deno.test("template: what a template does not show is refused by name", () => {
  assertRefused(
    () => render(PLAIN, [user, call("{}"), result]),
    "messages[1].tool_calls",
    /does not show calls/,
  );
  assertRefused(
    () => render(PLAIN, [user, result]),
    "messages[1].role",
    /does not show messages of role tool/,
  );
  const onlyFirst = TOOLS.replace("in m.tool_calls or []", "in (m.tool_calls or [])[:1]");
  const [one] = call("{}").toolCalls!;
  const two = { role: "assistant", content: "", toolCalls: [one!, { ...one!, name: "time" }] };
  assertRefused(() => render(onlyFirst, [user, two]), "messages[1].tool_calls", /does not show calls/);
});

Deno.test("template: ChatML shows any role, and no calls", () => {
  const template = TINY_TOKENIZER.chatTemplate;
  assert.ok(render(template, [user, result]).includes("<|im_start|>tool\n18 degrees<|im_end|>"));
  assertRefused(
    () => render(template, [user, call("{}"), result]),
    "messages[1].tool_calls",
    /does not show calls/,
  );
});

Deno.test("template: reasoning in the history needs a template that knows it", () => {
  const thought = { role: "assistant", content: "18", reasoning: "look it up" };
  assertRefused(() => render(PLAIN, [user, thought]), "messages[1].reasoning_content", /does not know/);
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

Deno.test("template: a message that calls tools cannot be continued", () => {
  assertRefused(
    () => render(TOOLS, [user, call("{}")], { continueFinalMessage: true }),
    "messages",
    /it calls tools/,
  );
});
