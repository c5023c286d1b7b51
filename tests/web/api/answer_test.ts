/** What an answer's times and tokens come to. */
import { strict as assert } from "node:assert";
import { acceptLengthOf, type Answer, tokensPerSecond } from "../../../web/api/answer.ts";
import { roundOf } from "../tokens/canned_answers.ts";

const answer: Answer = { text: "", rounds: [], state: "running", sentAt: 0, firstAt: 100, lastAt: 1100 };

Deno.test("tokens per second: those after the first ones, by rounds or by the server's count", () => {
  assert.equal(tokensPerSecond({ ...answer, rounds: [1, 3, 2].map(roundOf) }), 5);
  assert.equal(tokensPerSecond({ ...answer, numTokens: 21 }), 20);
  assert.equal(tokensPerSecond({ ...answer, numTokens: 1 }), undefined);
  assert.equal(tokensPerSecond({ ...answer, numTokens: 5, lastAt: 100 }), undefined);
});

Deno.test("accept length: tokens of a decode step, the prompt's round aside", () => {
  assert.equal(acceptLengthOf([1, 3, 2].map(roundOf)), 2.5);
  assert.equal(acceptLengthOf([1].map(roundOf)), undefined);
});
