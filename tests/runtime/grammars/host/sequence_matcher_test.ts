import assert from "node:assert/strict";
import fc from "fast-check";
import type { GrammarSource } from "../../../../runtime/contracts/constraint.ts";
import { jsonObjectSource, jsonSchemaSource } from "../../../../runtime/grammars/json_schema.ts";
import type { SequenceMatcher } from "../../../../runtime/grammars/host/sequence_matcher.ts";
import { anyOf, Matchers } from "../../../support/grammar_matchers.ts";
import { TINY_VOCABULARY } from "../../../support/tiny_grammars.ts";

const matchers = new Matchers(), { endTokens } = TINY_VOCABULARY;
const [END, OTHER_END] = endTokens as readonly [number, number];
const START = 1;

const textOf = (token: number) => matchers.tokenizer.decode([token]);
/** All tokens that are ASCII. */
const TOKENS = Array.from({ length: TINY_VOCABULARY.vocabSize }, (_, token) => token)
  .filter((token) => !matchers.tokenizer.isSpecial(token) && /^[\0-\x7f]+$/.test(textOf(token)));

async function allowedBy(matcher: SequenceMatcher): Promise<number[] | undefined> {
  return matchers.tokensOf(await matcher.allowed());
}

/** What comes next in a language of some texts, by looking at each. */
function expectedNext(texts: readonly string[], text: string): number[] {
  const going = TOKENS.filter((token) => texts.some((whole) => whole.startsWith(text + textOf(token))));
  return [...going, ...texts.includes(text) ? endTokens : []].sort((one, other) => one - other);
}

const words = fc.array(fc.string({ unit: fc.constantFrom(...'abte{" 1'), maxLength: 6 }), {
  minLength: 1,
  maxLength: 6,
});

Deno.test("matcher: exactly what may follow is allowed, the end exactly where the grammar may end", async () => {
  await fc.assert(
    fc.asyncProperty(words, fc.array(fc.nat(99), { maxLength: 8 }), async (texts, choices) => {
      const matcher = await (await matchers.of({ grammar: anyOf(texts) }))();
      let text = "";
      for (const choice of choices) {
        const next = expectedNext(texts, text);
        assert.deepEqual(await allowedBy(matcher), next, JSON.stringify([texts, text]));
        for (const token of [...TOKENS, ...endTokens, START]) {
          const isAccepted = matcher.accept(token);
          assert.equal(isAccepted, next.includes(token), JSON.stringify([texts, text, token]));
          if (isAccepted) matcher.back(1);
        }
        const going = next.filter((token) => !endTokens.includes(token));
        if (going.length === 0) break;
        const token = going[choice % going.length]!;
        assert.ok(matcher.accept(token));
        text += textOf(token);
      }
      matcher.dispose();
    }),
    { numRuns: 60 },
  );
});

/** Grammars that go on for ever, with the expressions that say the same. */
const ENDLESS: readonly [GrammarSource, RegExp][] = [
  [{ type: "ebnf", grammar: 'root ::= ("ab" | "te")* [0-9]{1,3}' }, /^(ab|te)*[0-9]{1,3}$/],
  [
    jsonSchemaSource({ type: "array", items: { type: "boolean" } }, "schema"),
    /^\[((true|false)(, (true|false))*)?\]$/,
  ],
  [
    jsonSchemaSource({ type: "object", properties: { a: { type: "integer" } }, required: ["a"] }, "schema"),
    /^\{"a": (-?[1-9][0-9]*|0)\}$/,
  ],
];

Deno.test("matcher: answers of endless grammars match, and end where they do", async () => {
  for (const [grammar, expression] of ENDLESS) {
    const create = await matchers.of({ grammar });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 30 }), async (choices) => {
        const matcher = await create();
        let text = "";
        for (const choice of choices) {
          const allowed = (await allowedBy(matcher))!;
          assert.equal(allowed.includes(END), expression.test(text), text);
          const going = allowed.filter((token) => !endTokens.includes(token));
          if (going.length === 0) break;
          const token = going[choice % going.length]!;
          assert.ok(matcher.accept(token));
          text += textOf(token);
        }
        matcher.dispose();
      }),
      { numRuns: 20 },
    );
  }
});

Deno.test("matcher: tokens taken back leave no trace, the end token too", async () => {
  const create = await matchers.of({ grammar: jsonObjectSource() });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(), fc.nat(5)), { maxLength: 25 }), async (moves) => {
      const matcher = await create(), taken: number[] = [];
      for (const [choice, numBack] of moves) {
        const allowed = matcher.isEnded ? [] : (await allowedBy(matcher))!;
        const token = allowed[choice % allowed.length];
        if (token !== undefined) taken.push(token);
        assert.equal(token === undefined || matcher.accept(token), true);
        if (numBack < 4) continue;
        const count = Math.min(numBack, taken.length);
        taken.length -= count;
        matcher.back(count);
      }
      const fresh = await create();
      for (const token of taken) assert.ok(fresh.accept(token));
      assert.deepEqual(await allowedBy(matcher), await allowedBy(fresh));
      assert.equal(matcher.isEnded, fresh.isEnded);
      for (const one of [matcher, fresh]) one.dispose();
    }),
    { numRuns: 40 },
  );
});

Deno.test("matcher: behind the end nothing is accepted, and only end tokens may come", async () => {
  const matcher = await (await matchers.of({ grammar: anyOf(["ab"]) }))();
  for (const token of matchers.encode("ab")) assert.ok(matcher.accept(token));
  assert.ok(matcher.accept(OTHER_END));
  assert.ok(matcher.isEnded);
  for (const token of [...TOKENS, ...endTokens]) assert.ok(!matcher.accept(token));
  assert.deepEqual(await allowedBy(matcher), [...endTokens].sort((one, other) => one - other));
  matcher.dispose();
});

Deno.test("matcher: where a grammar has no way on nothing is allowed", async () => {
  const grammar = { type: "ebnf", grammar: "root ::= root" } as const;
  const matcher = await (await matchers.of({ grammar }))();
  assert.equal(await matcher.allowed(), "none");
  matcher.dispose();
});

Deno.test("matcher: whitespace between JSON tokens is that of json.dumps", async () => {
  const any = jsonSchemaSource({}, "schema");
  const lists = jsonSchemaSource({ additionalProperties: { type: "array" } }, "schema");
  const object = '{"a": [1, {"b": [true, null]}], "c": [{}]}';
  const wrong = [
    " ",
    "{ ",
    "{\n",
    '{"a" ',
    '{"a":1',
    '{"a":[',
    '{"a":  ',
    '{"a": [ ',
    '{"a": [1,2',
    '{"a": [1 ',
    '{"a": [],"',
  ];
  for (const grammar of [jsonObjectSource(), any, lists]) {
    const create = await matchers.of({ grammar });
    const accepts = async (text: string) => {
      const matcher = await create();
      const isAccepted = [...text].every((character) => matcher.accept(matchers.encode(character)[0]!));
      matcher.dispose();
      return isAccepted;
    };
    assert.ok(await accepts(object));
    for (const text of wrong) assert.equal(await accepts(text), false, text);
  }
});

const thinking = { startToken: START, endTokens: matchers.encode("xyx") };
const [X, Y] = thinking.endTokens as [number, number];
const other = matchers.encode("q")[0]!;

Deno.test("thinking: before its end any token but the model's end may come, then the grammar begins", async () => {
  const matcher = await (await matchers.of({ grammar: anyOf(["ab"]), thinking }))();
  const [a] = matchers.encode("a") as [number];
  assert.deepEqual(
    await allowedBy(matcher),
    [START, a, ...matchers.encode("ab").length === 1 ? matchers.encode("ab") : []].sort((one, two) =>
      one - two
    ),
  );
  assert.ok(matcher.accept(START));
  const within = (await allowedBy(matcher))!;
  assert.ok(!endTokens.some((end) => within.includes(end)));
  assert.equal(within.length, matchers.tokenizer.vocabSize - endTokens.length);
  assert.ok(!matcher.accept(END));
  // The end is found although it begins anew in the middle of itself.
  for (const token of [other, X, Y, Y, X, X, Y]) assert.ok(matcher.accept(token));
  assert.ok(!matcher.accept(END));
  assert.ok(matcher.accept(X));
  assert.deepEqual((await allowedBy(matcher))?.includes(a), true);
  assert.ok(!matcher.accept(other));
  matcher.back(1);
  assert.ok(matcher.accept(other), "taken back, the thinking goes on");
  matcher.dispose();
});

Deno.test("thinking: without its first token the answer begins at once", async () => {
  const matcher = await (await matchers.of({ grammar: anyOf(["ab"]), thinking }))();
  for (const token of matchers.encode("ab")) assert.ok(matcher.accept(token));
  assert.ok(!matcher.accept(START));
  assert.ok(matcher.accept(END));
  matcher.back(matcher.numTokens);
  assert.ok(matcher.accept(START));
  matcher.dispose();
});

Deno.test("thinking: it has maxTokens tokens at most, whatever they are", async () => {
  const tokens = fc.array(fc.constantFrom(X, Y, other), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.nat(5), tokens, fc.boolean(), async (maxTokens, wanted, hasGrammar) => {
      const constraint = { endTokens: thinking.endTokens, maxTokens };
      const grammar = hasGrammar ? anyOf(["ab"]) : undefined;
      const matcher = await (await matchers.of({ grammar, thinking: constraint }))();
      const taken: number[] = [], isOver = () => taken.slice(-3).join() === thinking.endTokens.join();
      for (let i = 0; !isOver(); i++) {
        assert.ok(taken.length <= maxTokens + 3, taken.join());
        const allowed = await allowedBy(matcher);
        const token = wanted[i] !== undefined && (allowed?.includes(wanted[i]!) ?? true)
          ? wanted[i]!
          : allowed?.[0] ?? other;
        for (const each of [X, Y, other]) {
          const isAccepted = matcher.accept(each);
          if (isAccepted) matcher.back(1);
          assert.equal(isAccepted, allowed?.includes(each) ?? true);
        }
        assert.ok(matcher.accept(token));
        taken.push(token);
      }
      assert.ok(taken.length - 3 <= maxTokens);
      if (hasGrammar) assert.ok(!matcher.accept(other));
      else assert.equal(await matcher.allowed(), "any");
      matcher.dispose();
    }),
    { numRuns: 60 },
  );
});
