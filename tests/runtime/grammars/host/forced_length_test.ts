import assert from "node:assert/strict";
import type { GrammarSource } from "../../../../runtime/contracts/constraint.ts";
import { ebnfSource } from "../../../../runtime/grammars/ebnf.ts";
import { forcesShortTexts } from "../../../../runtime/grammars/host/forced_length.ts";
import { jsonObjectSource, jsonSchemaSource } from "../../../../runtime/grammars/json_schema.ts";
import { structuralTagSource } from "../../../../runtime/grammars/structural_tag.ts";
import { Matchers } from "../../../support/grammar_matchers.ts";

/** `a0`, whose texts are 2^levels times those of `leaf`. */
const doubled = (leaf: string, levels = 24) =>
  Array.from({ length: levels }, (_, i) => `a${i} ::= a${i + 1} a${i + 1}\n`).join("") +
  `a${levels} ::= ${leaf}\n`;
const ebnf = (grammar: string) => ebnfSource(grammar, "ebnf");
const tagOf = (format: unknown) => structuralTagSource({ type: "structural_tag", format }, "structural_tag");
const text = "x".repeat(30_000);

Deno.test("forced length: grammars that may force long texts are told apart", () => {
  const long: Record<string, GrammarSource> = {
    "rules that double each other": ebnf(`root ::= [ab] a0\n${doubled('"x"')}`),
    "alternatives that say the same": ebnf(`root ::= [ab] a0\n${doubled('"xy" | "xyxy"')}`),
    "loops that say the same": ebnf(`root ::= [ab] a0\n${doubled('"xy" ("xy")*')}`),
    "repetitions": ebnf('root ::= [ab] a{300}\na ::= b{300}\nb ::= "xy"'),
    "ends of many levels": ebnf(`root ::= "(" root "${"x".repeat(2000)}" | "y"`),
    "a long text": jsonSchemaSource({ const: text + text }, "schema"),
    "a text in parts": tagOf({
      type: "sequence",
      elements: [{ type: "const_string", value: text }, {
        type: "json_schema",
        json_schema: { const: text },
      }],
    }),
  };
  for (const [name, source] of Object.entries(long)) assert.ok(!forcesShortTexts(source), name);
  const properties = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`property ${i}`, { type: ["string", "null"] }]),
  );
  const tree = { $ref: "#/$defs/node", $defs: { node: { properties: { next: { $ref: "#/$defs/node" } } } } };
  const short: Record<string, GrammarSource> = {
    "any object": jsonObjectSource(),
    "any value": jsonSchemaSource({}, "schema"),
    "many properties": jsonSchemaSource(
      { type: "object", properties, required: Object.keys(properties) },
      "schema",
    ),
    "recursive schemas": jsonSchemaSource(tree, "schema"),
    "a thousand long names": jsonSchemaSource(
      { enum: Array.from({ length: 1000 }, (_, i) => `${i} ${"x".repeat(200)}`) },
      "schema",
    ),
    "a hundred tools": tagOf({
      type: "triggered_tags",
      triggers: ["<"],
      tags: Array.from({ length: 100 }, (_, i) => ({
        begin: `<${i}>`,
        content: { type: "json_schema", json_schema: { properties: { [`argument ${i}`]: {} } } },
        end: ">",
      })),
    }),
    "choices in all of many": ebnf(`root ::= a0\n${doubled("[xy]", 16)}`),
  };
  for (const [name, source] of Object.entries(short)) assert.ok(forcesShortTexts(source), name);
});

Deno.test("forced length: a long text ends no process, and is written without being forced", async () => {
  const matchers = new Matchers();
  const matcher = await (await matchers.of({ grammar: ebnf(`root ::= [ab] a0\n${doubled('"x"')}`) }))();
  assert.ok(matcher.accept(matchers.encode("a")[0]!));
  assert.deepEqual(await matchers.forced.next(matcher), []);
  assert.deepEqual(matchers.tokensOf(await matcher.allowed()), [...new Set(matchers.encode("x"))]);
  matcher.dispose();
});
