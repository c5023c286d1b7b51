/** Tokens of answers in chunks, whole and growing. */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { SpeculationRound } from "../../../web/api/answer.ts";
import { TokenFlow } from "../../../web/tokens/token_flow.ts";
import { answerOf, draftedRound, plainRound, SHORT } from "./canned_answers.ts";

const texts = fc.oneof(fc.constantFrom("", "\n", " a", "b\n", "\n\n", "سلا", "م", "字"), fc.string());
const rounds: fc.Arbitrary<SpeculationRound[]> = fc.array(
  fc.oneof(
    texts.map((text) => plainRound(text)),
    fc.tuple(texts, texts).map(([text, bonus]) => draftedRound([[text, -1, 0.5]], [0], bonus)),
  ),
  { maxLength: 120 },
);

Deno.test("token flow: chunks joined, and what is behind them, are the text", () => {
  fc.assert(fc.property(rounds, texts, (rounds, rest) => {
    const answer = answerOf(rounds, rest), flow = new TokenFlow();
    flow.extend(answer);
    assert.equal(flow.chunks.map(({ text }) => text).join("") + flow.rest, answer.text);
    assert.equal(flow.rest, rest);
    let end = 0;
    for (const chunk of flow.chunks) {
      assert.equal(chunk.first, end);
      end = chunk.end;
      const inside = flow.tokens.slice(chunk.first, end);
      assert.equal(inside.map(({ text }) => text).join(""), chunk.text);
      assert.ok(inside.length <= 40 && inside.every(({ text }) => text !== ""));
      assert.ok(!chunk.endsParagraph || chunk.text.endsWith("\n"));
    }
    assert.equal(end, flow.tokens.length);
  }));
});

Deno.test("token flow: an answer that grew by pieces is cut like the whole one, and nothing behind it changed", () => {
  fc.assert(fc.property(rounds, fc.array(fc.nat(120)), (rounds, stops) => {
    const grown = new TokenFlow(), whole = new TokenFlow();
    for (const stop of stops.toSorted((a, b) => a - b)) {
      const answer = answerOf(rounds.slice(0, stop)), before = [...grown.chunks];
      assert.ok(grown.isContinuedBy(answer));
      grown.extend(answer);
      // The last chunk may have grown.
      assert.ok(before.slice(0, -1).every((chunk, index) => chunk === grown.chunks[index]));
    }
    grown.extend(answerOf(rounds));
    whole.extend(answerOf(rounds));
    assert.deepEqual(grown.chunks, whole.chunks);
    assert.deepEqual(grown.tokens, whole.tokens);
  }));
});

Deno.test("token flow: finds the chunk of a token and the neighbouring rounds", () => {
  fc.assert(fc.property(rounds, (rounds) => {
    const flow = new TokenFlow();
    flow.extend(answerOf(rounds));
    for (const [token, { round }] of flow.tokens.entries()) {
      const { first, end } = flow.chunks[flow.chunkOf(token)]!;
      assert.ok(first <= token && token < end);
      assert.ok(flow.firstOf(round) <= token && token < flow.firstOf(round + 1));
      const before = flow.tokens[flow.firstBefore(round)]!;
      assert.ok(before.round < round || flow.firstBefore(round) === 0);
    }
  }));
});

Deno.test("token flow: tokens that the text does not have are not shown yet", () => {
  const flow = new TokenFlow();
  flow.extend({ ...SHORT, text: "The quick" });
  assert.deepEqual([flow.tokens.map(({ text }) => text), flow.rest], [["The"], " quick"]);
  assert.ok(flow.isContinuedBy(SHORT));
  flow.extend(SHORT);
  assert.equal(flow.tokens.length, 7);
  assert.equal(flow.rest, "");
});

Deno.test("token flow: another answer does not continue this one", () => {
  const flow = new TokenFlow();
  flow.extend(SHORT);
  assert.ok(!flow.isContinuedBy(answerOf([plainRound("The", 40), ...SHORT.rounds.slice(1)])));
  assert.ok(!flow.isContinuedBy({ ...SHORT, rounds: SHORT.rounds.slice(0, 2) }));
});
