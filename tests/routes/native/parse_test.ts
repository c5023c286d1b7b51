/**
 * @module
 */
import { strict as assert } from "node:assert";
import { parsedCalls, separatedText } from "../../../routes/schema/parse.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { answer, appOf, fault } from "../../support/http.ts";

const tools = ["weather", "time"].map((name) => ({ type: "function", function: { name } }));

Deno.test("parse: calls of the named form, with the places of their tools", async () => {
  const text = 'So: {"name": "time", "parameters": {}}; {"name": "rain", "parameters": {}}';
  const request = { text, tools, "tool_call_parser": "llama3" };
  assert.deepEqual(await answer(appOf(new FakeGenerator()), "/parse_function_call", request, parsedCalls), {
    "normal_text": 'So:{"name": "rain", "parameters": {}}',
    calls: [{ "tool_index": 1, name: "time", parameters: "{}" }],
  });
});

Deno.test("parse: without a form it is the served model's", async () => {
  const text = '<tool_call>\n{"name": "time", "arguments": {"a": 1}}\n</tool_call>';
  const app = appOf(new FakeGenerator());
  const parsed = await answer(app, "/parse_function_call", { text, tools }, parsedCalls);
  assert.deepEqual(parsed, {
    "normal_text": "",
    calls: [{ "tool_index": 1, name: "time", parameters: '{"a": 1}' }],
  });
  const { param } = await fault(app, "/separate_reasoning", { text });
  assert.equal(param, "reasoning_parser");
});

Deno.test("parse: reasoning of the named form", async () => {
  const app = appOf(new FakeGenerator());
  const cases = [
    ["qwen3", "<think>\nOne\n</think>\n\nYes", "One", "Yes"],
    ["qwen3", "Yes", "", "Yes"],
    ["deepseek-r1", "One</think>Yes", "One", "Yes"],
  ];
  for (const [parser, text, reasoning, rest] of cases) {
    const request = { text, "reasoning_parser": parser };
    assert.deepEqual(await answer(app, "/separate_reasoning", request, separatedText), {
      "reasoning_text": reasoning,
      text: rest,
    });
  }
});

Deno.test("parse: a form that is not served is refused", async () => {
  const app = appOf(new FakeGenerator());
  const calls = await fault(app, "/parse_function_call", { text: "", tools, "tool_call_parser": "pythonic" });
  assert.deepEqual([calls.status, calls.param], [400, "tool_call_parser"]);
  const reasoning = await fault(app, "/separate_reasoning", { text: "", "reasoning_parser": "gpt-oss" });
  assert.deepEqual([reasoning.status, reasoning.param], [400, "reasoning_parser"]);
});
