/** What is said of tokens and times. */
import { strict as assert } from "node:assert";
import {
  describeToken,
  formatMs,
  formatProbability,
  plainStepOf,
  timesOf,
} from "../../../web/tokens/round_facts.ts";
import { cellsOf, shortVisibleText, spokenText, visibleText } from "../../../web/tokens/visible_text.ts";
import { draftedRound, plainRound, SHORT } from "./canned_answers.ts";

Deno.test("visible text: spaces, line ends and what has no shape have signs", () => {
  assert.equal(visibleText(" a\n\tb\r"), "␣a⏎⇥b␍");
  assert.equal(visibleText("\u0000\u200b\u202e"), "⟨U+0000⟩⟨U+200B⟩⟨U+202E⟩");
  assert.equal(visibleText("👩‍👧"), "👩‍👧");
  assert.equal(visibleText("\u200d"), "⟨U+200D⟩");
  assert.equal(visibleText("سلام 字"), "سلام␣字");
  assert.equal(visibleText(""), "∅");
});

Deno.test("visible text: is cut between characters, wide ones counted twice", () => {
  assert.equal(shortVisibleText("abcdef", 6), "abcdef");
  assert.equal(shortVisibleText("abcdefg", 6), "abcde…");
  assert.equal(shortVisibleText("漢字漢字", 6), "漢字…");
  assert.equal(shortVisibleText("👩‍👧👩‍👧👩‍👧👩‍👧", 6), "👩‍👧👩‍👧…");
  assert.equal(cellsOf("a字e\u0301"), 4);
});

Deno.test("spoken text: names what a screen reader would not say", () => {
  assert.equal(spokenText(" "), "space");
  assert.equal(spokenText("\n\n"), "2 times line break");
  assert.equal(spokenText("\r\n"), "carriage return, line break");
  assert.equal(spokenText("."), ".");
  assert.equal(spokenText(" word"), "word");
  assert.equal(spokenText("\u200b"), "character U+200B");
  assert.equal(spokenText(""), "no text");
});

Deno.test("round facts: a plain step is this answer's median without the prompt's round, else the server's", () => {
  assert.deepEqual(plainStepOf(SHORT.rounds, 5), { ms: 8.5, source: "answer" });
  assert.deepEqual(plainStepOf(SHORT.rounds.slice(0, 2), 5), { ms: 5, source: "server" });
  assert.equal(plainStepOf(SHORT.rounds.slice(0, 2), undefined), undefined);
});

Deno.test("round facts: times by token beside a plain step", () => {
  const round = draftedRound([["a", -1, 0.5], ["b", 0, 0.4]], [0, 1], "c");
  assert.deepEqual(timesOf(round, { ms: 8, source: "server" }), {
    totalMs: 12,
    numTokens: 3,
    msPerToken: 4,
    ratio: 2,
  });
  assert.equal(timesOf(round, undefined).ratio, undefined);
});

Deno.test("round facts: describe a token for a screen reader", () => {
  assert.equal(
    describeToken("accepted", SHORT.rounds[1]!, 1),
    "accepted draft, round 2, 2 of 6 drafts accepted",
  );
  assert.equal(describeToken("plain", plainRound("x"), 0), "plain token, round 1, nothing drafted");
});

Deno.test("round facts: numbers are short", () => {
  assert.deepEqual([0, 0.0004, 0.004, 0.0421, 0.5, 1].map(formatProbability), [
    "0 %",
    "<0.1 %",
    "0.4 %",
    "4.2 %",
    "50 %",
    "100 %",
  ]);
  assert.deepEqual([0.1234, 12.345, 1234.5].map(formatMs), ["0.123 ms", "12.3 ms", "1235 ms"]);
});
