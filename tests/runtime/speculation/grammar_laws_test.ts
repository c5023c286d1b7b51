/**
 * The law of speculation under the grammars that clients send, with real matchers.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { OutputConstraint } from "../../../runtime/contracts/constraint.ts";
import { GRAMMAR_CASES } from "../../support/grammar_cases.ts";
import type { Case, Shape } from "../../support/law.ts";
import { ONCE, TinyLaws } from "../../support/tiny_laws.ts";

/** Thinking of a few tokens before an answer: `</` of the tiny tokenizer ends it. */
const THINKING: OutputConstraint = {
  ...GRAMMAR_CASES[0]!.constraint,
  thinking: { endTokens: [62, 49], maxTokens: 5 },
};

const CASES: readonly Case[] = [
  ...GRAMMAR_CASES.map(({ constraint }, i): Case => ({
    prompt: [...ONCE, i],
    sampling: { ...(i % 2 === 0 ? { temperature: 0 } : { temperature: 0.9, seed: i }), maxTokens: 90 },
    constraint,
  })),
  { prompt: [...ONCE, 50], sampling: { seed: 5, maxTokens: 90 }, constraint: THINKING },
  { prompt: ONCE, sampling: { temperature: 0, maxTokens: 40 } },
  {
    prompt: [...ONCE, 51],
    sampling: {
      seed: 7,
      numLogprobs: 3,
      frequencyPenalty: 0.5,
      minTokens: 5,
      ignoreEos: true,
      maxTokens: 60,
    },
    constraint: GRAMMAR_CASES[1]!.constraint,
  },
];

const laws = new TinyLaws({ model: { config: { numLayers: 4 } }, cases: CASES });

Deno.test("answers under every kind of grammar are what it says, where they end by themselves", async () => {
  const { expected } = await laws.setting();
  GRAMMAR_CASES.forEach(({ name, isEndless = false, check }, i) => {
    const { text, finish } = expected[i]!;
    if (isEndless && finish?.type === "length") return;
    assert.equal(finish?.type, "stop", `${name} does not end: ${text}`);
    try {
      check(text);
    } catch (error) {
      assert.fail(`${name}: ${error}`);
    }
  });
  const { tokens, finish } = expected[GRAMMAR_CASES.length]!;
  assert.deepEqual(tokens.slice(5, 7), [62, 49], "thinking is ended where its budget is");
  assert.equal(finish?.type, "stop");
});

const shape: Shape = [3, 4, 16];
laws.testProposer({ speculativeAlgorithm: "NGRAM" }, shape);
laws.testProposer({ speculativeAlgorithm: "NGRAM", speculativeAdaptive: true }, undefined);
laws.testProposer({ speculativeAlgorithm: "STANDALONE", speculativeDraftModelPath: "tiny.gguf" }, [2, 2, 4]);
laws.testProposer({ speculativeAlgorithm: "EAGLE3", speculativeDraftModelPath: "eagle3" }, shape);
laws.testPreemption(192);
