/**
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import golden from "../../golden/tool_calls.json" with { type: "json" };
import { type AnswerForm, AnswerText } from "../../../runtime/output/answer_text.ts";
import { callFormatNamed, callFormatNames } from "../../../runtime/output/call_formats.ts";
import { reasoningFormatNamed, reasoningFormatNames } from "../../../runtime/output/reasoning_formats.ts";
import { type AnswerPart, type AnswerTexts, joinParts } from "../../../runtime/output/parts.ts";
import type { ReasoningState } from "../../../runtime/output/reasoning.ts";

const names = new Set(["weather", "time"]);
const calls = (parser: string): AnswerForm => ({ calls: { format: callFormatNamed(parser)!, names } });

function thoughts(
  parser: string,
  state: ReasoningState,
  streams = true,
): NonNullable<AnswerForm["reasoning"]> {
  return { ...reasoningFormatNamed(parser)!, state, isSeparate: true, streams };
}

/** What an answer says, read in these pieces; ids of calls are random, and so left out. */
function read(form: AnswerForm, pieces: readonly string[]): Said & { readonly parts: readonly AnswerPart[] } {
  const text = new AnswerText(form);
  const parts = [...pieces.flatMap((piece) => text.push(piece)), ...text.flush()];
  return { ...toSaid(joinParts(parts)), parts };
}

interface Said {
  readonly reasoning: string;
  readonly content: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
}

function toSaid({ reasoning, content, calls }: AnswerTexts): Said {
  return { reasoning, content, calls: calls.map(({ name, arguments: text }) => ({ name, arguments: text })) };
}

Deno.test("answer text: what models write is read as the calls that it is", async (t) => {
  for (const { parser, source, text, content, calls: expected } of golden) {
    await t.step(`${parser}: ${source}, ${expected.length} calls`, () => {
      const said = read(calls(parser), [...text]);
      assert.equal(said.content, content);
      const parsed = said.calls.map(({ name, arguments: text }) => ({ name, arguments: JSON.parse(text) }));
      assert.deepEqual(parsed, expected);
      assert.equal(JSON.stringify(said.parts).includes("tool"), false, "no mark is shown");
    });
  }
});

Deno.test("answer text: what grammars have a model write is read as the calls that it is", async (t) => {
  for (const parser of callFormatNames) {
    await t.step(parser, () => {
      const { written } = callFormatNamed(parser)!;
      const write = (name: string, text: string) => written.call(name) + text + written.callEnd;
      const text = written.begin + write("weather", '{"city":"<a> \\"}"}') + written.separator +
        write("time", "{}") + written.end;
      assert.ok((written.begin + written.call("weather")).startsWith(written.trigger));
      for (const before of ["", "Well, "]) {
        assert.deepEqual(toSaid(joinParts(read(calls(parser), [before + text]).parts)), {
          reasoning: "",
          content: before.trimEnd(),
          calls: [{ name: "weather", arguments: '{"city":"<a> \\"}"}' }, { name: "time", arguments: "{}" }],
        });
      }
    });
  }
});

/** Texts made of what the forms are made of, so that many are nearly calls. */
const nearlyCalls = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...golden.map(({ text }) => text)) },
    fc.constantFrom(
      ...[
        "<tool_call>",
        "</tool_call>",
        "[TOOL_CALLS]",
        "[ARGS]",
        "<|python_tag|>",
        "```json\n",
        "```",
        "; ",
      ],
      ...[
        '{"name": "weather", ',
        '"arguments": ',
        '"parameters": {"city": "O"}',
        "}",
        "{",
        "[",
        "]",
        ",",
        '"',
      ],
      ...[
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
        "<｜tool▁call▁end｜>",
        "weather",
      ],
      ...[
        '{"name": "rain"}',
        "\\",
        "null",
        " ",
        "\n",
        "<think>",
        "</think>",
        "◁think▷",
        "[THINK]",
        "[/THINK]",
      ],
    ),
    fc.string({ maxLength: 4, unit: "binary" }),
  ),
  { maxLength: 8 },
).map((pieces) => pieces.join(""));

Deno.test("answer text: what is read does not depend on the pieces in which a text comes", () => {
  const forms = fc.record({
    parser: fc.constantFrom(undefined, ...callFormatNames),
    reasoning: fc.constantFrom(undefined, ...reasoningFormatNames),
    state: fc.constantFrom("possible" as const, "open" as const, "over" as const),
    isSeparate: fc.boolean(),
    streams: fc.boolean(),
  });
  fc.assert(
    fc.property(forms, nearlyCalls, fc.array(fc.nat(40), { maxLength: 30 }), (chosen, text, sizes) => {
      const { parser, reasoning, state, isSeparate, streams } = chosen;
      const form: AnswerForm = {
        ...(parser !== undefined && calls(parser)),
        ...(reasoning !== undefined && {
          reasoning: { ...thoughts(reasoning, state, streams), isSeparate },
        }),
      };
      const pieces: string[] = [];
      let at = 0;
      for (const size of sizes) pieces.push(text.slice(at, at += size));
      pieces.push(text.slice(at));
      const { parts: whole, ...said } = read(form, [text]), { parts, ...inPieces } = read(form, pieces);
      assert.deepEqual(inPieces, said);
      const kinds = (parts: readonly AnswerPart[]) =>
        parts.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
      assert.deepEqual(kinds(parts), kinds(whole));
      for (const part of parts) assert.ok(part.type === "call" || part.text !== "");
      for (const { name } of said.calls) assert.ok(names.has(name));
      if (parser === undefined && (reasoning === undefined || state === "over" || !isSeparate)) {
        assert.equal(said.content, text, "nothing is lost of text that is shown as it is");
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("answer text: a name comes first, arguments as they come, text that may be a call once it is none", () => {
  const text = new AnswerText(calls("hermes"));
  assert.deepEqual(text.push("Wait.\n<tool"), [{ type: "content", text: "Wait." }]);
  assert.deepEqual(text.push('_call>\n{"name": "weath'), []);
  const [call] = text.push('er"');
  assert.ok(call?.type === "call" && call.name === "weather" && /^call_\w{24}$/.test(call.id));
  assert.deepEqual(text.push(', "arguments": {"ci'), [{ type: "arguments", index: 0, text: '{"ci' }]);
  assert.deepEqual(text.push('ty": "Oslo"}}\n</tool_call>\n'), [{
    type: "arguments",
    index: 0,
    text: 'ty": "Oslo"}',
  }]);
  assert.deepEqual(text.push("<tool_call>x"), [{ type: "content", text: "\n<tool_call>x" }]);
  assert.deepEqual(text.flush(), []);
});

Deno.test("answer text: odd calls", async (t) => {
  const cases: readonly (readonly [parser: string, text: string, content: string, calls: Said["calls"]])[] = [
    ["hermes", '<tool_call>{"name":"time"}</tool_call>', "", [{ name: "time", arguments: "{}" }]],
    ["hermes", '<tool_call>{"name":"time","arguments":null}', "", [{ name: "time", arguments: "{}" }]],
    ["hermes", '<tool_call>{"name":"time","arguments":"{\\"a\\":1}"}', "", [{
      name: "time",
      arguments: '{"a":1}',
    }]],
    ["hermes", '<tool_call>{"arguments":{"a":[1]},"name":"time"}', "", [{
      name: "time",
      arguments: '{"a":[1]}',
    }]],
    ["hermes", '<tool_call>{"name":"rain"}</tool_call>', '<tool_call>{"name":"rain"}</tool_call>', []],
    ["hermes", '<tool_call>{"name":"ti', '<tool_call>{"name":"ti', []],
    ["hermes", '<tool_call>{"name":"time","arguments":{"a', "", [{ name: "time", arguments: '{"a' }]],
    ["hermes", '<tool_call>{"name":"time","arguments":{}}</tool_', "", [{ name: "time", arguments: "{}" }]],
    ["llama3", '{"type": "function", "name": "time", "parameters": {}}', "", [{
      name: "time",
      arguments: "{}",
    }]],
    ["llama3", '{"name": "Ann", "age": 3}', '{"name": "Ann", "age": 3}', []],
    ["llama3", "<|python_tag|>print(1)", "print(1)", []],
    ["mistral", '[TOOL_CALLS]time{"a": 1}', "", [{ name: "time", arguments: '{"a": 1}' }]],
    ["mistral", '[TOOL_CALLS]time[CALL_ID]abc[ARGS]{"a": 1}', "", [{ name: "time", arguments: '{"a": 1}' }]],
    ["mistral", "[TOOL_CALLS]nothing", "nothing", []],
    ["json", '```json\n{"name": "time", "arguments": {}}\n```', "", [{ name: "time", arguments: "{}" }]],
    ["json", '{"answer": 1}', '{"answer": 1}', []],
    ["json", "``", "``", []],
  ];
  for (const [parser, text, content, expected] of cases) {
    await t.step(`${parser}: ${text}`, () => {
      const said = read(calls(parser), [text]);
      assert.deepEqual([said.content, said.calls], [content, expected]);
    });
  }
});

Deno.test("answer text: reasoning is told apart, then come content and calls", async (t) => {
  const call = '<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>';
  const cases: readonly (readonly [ReasoningState, text: string, reasoning: string, content: string])[] = [
    ["possible", "<think>\nOne\ntwo\n</think>\n\nYes", "One\ntwo", "Yes"],
    ["possible", "Yes </think>", "", "Yes </think>"],
    ["possible", "  <thin", "", "  <thin"],
    ["possible", "<think>\n\n</think>\n\nYes", "", "Yes"],
    ["open", "One</think>Yes", "One", "Yes"],
    ["open", "<think>One</think>Yes", "One", "Yes"],
    ["open", `One ${call} two</think>Yes`, `One ${call} two`, "Yes"],
    ["open", "One, and then</thi", "One, and then</thi", ""],
    ["over", "<think>One</think>Yes", "", "<think>One</think>Yes"],
  ];
  for (const [state, text, reasoning, content] of cases) {
    await t.step(`${state}: ${text}`, () => {
      const form = { ...calls("hermes"), reasoning: thoughts("qwen3", state) };
      const said = read(form, [`${text}\n${call}`]);
      const isOver = content !== "";
      assert.equal(said.reasoning, isOver ? reasoning : `${reasoning}\n${call}`);
      assert.equal(said.content, content);
      assert.equal(said.calls.length, isOver ? 1 : 0);
    });
  }
});

Deno.test("answer text: reasoning that is not streamed comes in one part", () => {
  const text = new AnswerText({ reasoning: thoughts("qwen3", "open", false) });
  assert.deepEqual(text.push("One "), []);
  assert.equal(text.isReasoning, true);
  assert.deepEqual(text.push("two</think>"), [{ type: "reasoning", text: "One two" }]);
  assert.equal(text.isReasoning, false);
  assert.deepEqual(text.push("\nYes"), [{ type: "content", text: "Yes" }]);
});

Deno.test("answer text: long texts are read in time that grows with their length", () => {
  for (
    const piece of ["<tool_call>", '{"arguments": ', '{"name": "', "[TOOL_CALLS]", " ", "\n<tool", "[", "\\"]
  ) {
    for (const parser of callFormatNames) {
      const text = piece.repeat(100_000 / piece.length);
      const said = read({ ...calls(parser), reasoning: thoughts("qwen3", "possible") }, [text]);
      assert.deepEqual(said.calls, []);
    }
  }
});
