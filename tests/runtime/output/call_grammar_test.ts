/**
 * Grammars of calls, in the library that enforces them: each form takes what it writes and refuses what it must not be.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { GrammarSource } from "../../../runtime/contracts/constraint.ts";
import { jsonSchemaGrammar, jsonSchemaSource } from "../../../runtime/grammars/json_schema.ts";
import { AnswerText } from "../../../runtime/output/answer_text.ts";
import type { CallFormat } from "../../../runtime/output/call_format.ts";
import { callFormatNamed } from "../../../runtime/output/call_formats.ts";
import { callGrammar } from "../../../runtime/output/call_grammar.ts";
import { joinParts } from "../../../runtime/output/parts.ts";
import { Matchers } from "../../support/grammar_matchers.ts";
import { TINY_VOCABULARY } from "../../support/tiny_grammars.ts";

const matchers = new Matchers(), [END] = TINY_VOCABULARY.endTokens as readonly [number];

/** Whether a text matches a grammar, to its end. */
async function matches(grammar: GrammarSource, text: string): Promise<boolean> {
  const matcher = await (await matchers.of({ grammar }))();
  try {
    const tokens = matchers.tokenizer.encode(text, { addSpecialTokens: false });
    return tokens.every((token) => matcher.accept(token)) && matcher.accept(END);
  } finally {
    matcher.dispose();
  }
}

const parameters = { type: "object", properties: { n: { enum: [1, 2] } }, required: ["n"] };
const tools = ["add", "sub"].map((name) => ({ name, grammar: jsonSchemaGrammar(parameters, "x") }));
const formats: Readonly<Record<string, CallFormat>> = {
  hermes: callFormatNamed("hermes")!,
  llama3: callFormatNamed("llama3")!,
  mistral: callFormatNamed("mistral")!,
  "mistral, named": callFormatNamed("mistral", "[ARGS]")!,
  deepseekv3: callFormatNamed("deepseekv3")!,
  json: callFormatNamed("json")!,
};

/** Calls as a form writes them. */
function write(
  { written }: CallFormat,
  ...calls: readonly (readonly [name: string, given: string])[]
): string {
  const texts = calls.map(([name, given]) => written.call(name) + given + written.callEnd);
  return written.begin + texts.join(written.separator) + written.end;
}

Deno.test("call grammar: what is asked of calls is enforced, in every form", async (t) => {
  const answers = jsonSchemaSource({ enum: ["yes"] }, "x");
  for (const [name, format] of Object.entries(formats)) {
    const one = write(format, ["add", '{"n": 1}']),
      two = write(format, ["add", '{"n": 1}'], ["sub", '{"n": 2}']);
    const wrong = [
      write(format, ["mul", '{"n": 1}']),
      write(format, ["add", '{"n": 3}']),
      write(format, ["add", "{}"]),
    ];
    const grammar = (isRequired: boolean, isParallel: boolean, content?: GrammarSource) =>
      callGrammar(format.written, tools, { isRequired, isParallel, content });
    await t.step(name, async () => {
      const expect = async (grammar: GrammarSource, yes: readonly string[], no: readonly string[]) => {
        for (const text of yes) assert.ok(await matches(grammar, text), `matches ${text}`);
        for (const text of no) assert.ok(!await matches(grammar, text), `does not match ${text}`);
      };
      await expect(grammar(true, true), [one, two], ["", "Hi", `Hi ${one}`, ...wrong]);
      await expect(grammar(true, false), [one], ["", two, ...wrong]);
      await expect(grammar(false, true), ["", "Hi", one, two, `Hi ${one}`], wrong);
      await expect(grammar(false, false), ["", "Hi", one, `Hi ${one}`], [two, ...wrong]);
      await expect(grammar(false, true, answers), ['"yes"', one], ["", "Hi", `Hi ${one}`, ...wrong]);
    });
  }
});

Deno.test("call grammar: what the grammars let through is read as the calls that it is", async () => {
  for (const format of Object.values(formats)) {
    const grammar = callGrammar(format.written, tools, { isRequired: true, isParallel: true });
    const text = write(format, ["sub", '{"n": 2}'], ["add", '{"n": 1}']);
    assert.ok(await matches(grammar, text));
    const answer = new AnswerText({ calls: { format, names: new Set(["add", "sub"]) } });
    const { content, calls } = joinParts([...answer.push(text), ...answer.flush()]);
    assert.equal(content, "");
    assert.deepEqual(calls.map(({ name, arguments: given }) => [name, given]), [
      ["sub", '{"n": 2}'],
      ["add", '{"n": 1}'],
    ]);
  }
});
