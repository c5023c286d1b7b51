/**
 * @module
 */
import assert from "node:assert/strict";
import { callFormatNamed, callFormatOf } from "../../../runtime/output/call_formats.ts";
import { reasoningFormatOf } from "../../../runtime/output/reasoning_formats.ts";
import { stateAfter, stateWithin } from "../../../runtime/output/reasoning.ts";
import { REAL_CONFIGS } from "../../support/real_vocabularies.ts";

/** What templates say that ask for calls, in the words of their models. */
const TEMPLATES: readonly (readonly [template: string, form: string | undefined])[] = [
  ["{{ messages }}", "hermes"],
  ["{% if message.tool_calls %}<function={{ x }}>{% endif %}", "hermes"],
  [`{% for tool in tools %}{% endfor %}<tool_call>\\n{"name": "`, "hermes"],
  [`{% for tool in tools %}{% endfor %}<tool_call>\\n{\\"name\\": `, "hermes"],
  ["{% if tools %}{% endif %}<tool_call>\\n<function=", undefined],
  ["{% if tools %}{% endif %}<tool_call>{{ n }}<arg_key>", undefined],
  ["{% if tools %}{% endif %}[TOOL_CALLS] [", "mistral"],
  [`{% if tools %}{% endif %}<|start_header_id|>{"name": f, "parameters": d}`, "llama3"],
  ["{% if tools %}{% endif %}<｜tool▁calls▁begin｜>```json", "deepseekv3"],
  ["{% if tools %}{% endif %}<｜tool▁calls▁begin｜>", undefined],
  ["{% if tools %}{% endif %}<|channel|>commentary", undefined],
  ["{% if tools %}{% endif %}[f(a=1)]", undefined],
];

Deno.test("call formats: a template asks for the form that it shows", () => {
  for (const [template, form] of TEMPLATES) {
    const expected = form === undefined ? undefined : callFormatNamed(form, template);
    assert.equal(callFormatOf(template), expected, template);
  }
  const named = "{% if tools %}{% endif %}[TOOL_CALLS]{{ n }}[ARGS]";
  assert.equal(callFormatOf(named), callFormatNamed("mistral", named));
  assert.notEqual(callFormatOf(named), callFormatNamed("mistral"));
  assert.equal(callFormatNamed("toString"), undefined);
});

Deno.test("call formats: real templates ask for theirs, and know reasoning or not", async () => {
  const expected = {
    "Llama 3.1": ["hermes", false],
    Qwen3: ["hermes", true],
    "Gemma 3": ["hermes", false],
    "DeepSeek V3": ["hermes", false],
  } as const;
  for (const [name, [form, reasons]] of Object.entries(expected)) {
    const { default: config } = await REAL_CONFIGS[name]!() as {
      default: { readonly "chat_template": string };
    };
    assert.equal(callFormatOf(config["chat_template"]), callFormatNamed(form), name);
    assert.equal(reasoningFormatOf(config["chat_template"]) !== undefined, reasons, name);
  }
});

Deno.test("reasoning formats: the end of a prompt says where the answer stands", () => {
  const think = reasoningFormatOf("<think></think>")!, certain = { ...think, isCertain: true };
  assert.deepEqual(reasoningFormatOf("[THINK][/THINK]")?.begin, "[THINK]");
  assert.equal(reasoningFormatOf("{{ messages }}"), undefined);
  assert.equal(stateAfter("Hi<think>\n", think), "open");
  assert.equal(stateAfter("Hi<think>\n\n</think>\n\n", think), "over");
  assert.equal(stateAfter("Hi</think>no", think), "possible");
  assert.equal(stateAfter("Hi", certain), "open");
  assert.equal(stateWithin("Hi", "<think>One", think), "open");
  assert.equal(stateWithin("Hi<think>", "One", think), "open");
  assert.equal(stateWithin("Hi<think>", "One</think>Yes", think), "over");
  assert.equal(stateWithin("Hi", "Yes", think), "over");
});
