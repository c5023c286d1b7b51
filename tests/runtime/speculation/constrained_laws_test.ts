/**
 * The law of speculation under constraints: whatever the proposer and its trees, with forced tokens in them and forbidden
 * drafts pruned, a request's tokens, text and logprobs are bit for bit those of plain decoding under the same grammar. Here
 * with grammars over token ids, in `grammar_laws_test.ts` with those that clients send.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { GenerationUpdate } from "../../../runtime/contracts/generation.ts";
import { allows, fakeConstraint, grammarOf } from "../../support/fake_grammar.ts";
import { fakeMatcher, type FakeMatcherOptions } from "../../support/fake_matcher.ts";
import { type Case, checkLaw, runPlain, type Shape, shapeArgs, start } from "../../support/law.ts";
import { ALGORITHMS, DRAFTERS, ONCE, TINY_CASES, TinyLaws } from "../../support/tiny_laws.ts";
import { TINY_TOKENIZER } from "../../support/tiny_tokenizer.ts";
import { collect, requestOf } from "../../support/test_engine.ts";
import { scriptedDrafter } from "../../support/drafters.ts";

const GRAMMARS = { vocabSize: TINY_TOKENIZER.tokens.length, endToken: TINY_TOKENIZER.eosTokenId };

/** One case in five is free; some grammars end before the length does, whether or not end tokens are ignored. */
const CASES = TINY_CASES.map((one, i): Case =>
  i % 5 === 4
    ? one
    : { ...one, sampling: { ...one.sampling, ignoreEos: i % 2 === 0 }, constraint: fakeConstraint(10 + i) }
);

const matcher = (options: Partial<FakeMatcherOptions> = {}) => () =>
  fakeMatcher({ ...GRAMMARS, maxLength: 20, ...options });

const laws = new TinyLaws({
  model: { config: { numHeads: 4, numKvHeads: 2, headDim: 32, numLayers: 4 } },
  cases: CASES,
  matcher: matcher(),
});

/** Whether all of an output is what the grammar of a case allows. */
function obeys({ constraint }: Case, { tokens }: GenerationUpdate): boolean {
  if (constraint === undefined) return true;
  const grammar = grammarOf(constraint, { ...GRAMMARS, maxLength: 20 });
  return tokens.every((token, i) => allows(grammar, tokens.slice(0, i), token));
}

Deno.test("constrained cases obey their grammars, end with them or before, and change what is said", async () => {
  const { setting, expected } = await laws.setting();
  const free = await runPlain({ ...setting, cases: TINY_CASES });
  expected.forEach((update, i) => {
    const one = CASES[i]!;
    assert.ok(obeys(one, update), `case ${i}`);
    if (one.constraint === undefined) return assert.deepEqual(update.tokens, free[i]!.tokens);
    assert.ok(!obeys(one, free[i]!), `case ${i} says nothing else`);
    if (one.sampling.ignoreEos) assert.deepEqual(update.finish, { type: "stop", matched: GRAMMARS.endToken });
  });
});

Deno.test("logprobs are those of the masked distribution", async () => {
  const { expected } = await laws.setting();
  const numLogprobs = CASES[6]!.sampling.numLogprobs!;
  const grammar = grammarOf(CASES[6]!.constraint!, { ...GRAMMARS, maxLength: 20 });
  const { tokens, logprobs } = expected[6]!;
  let numForced = 0;
  logprobs!.forEach(({ token, logprob, top }, i) => {
    const allowed = grammar(tokens.slice(0, i));
    assert.equal(token, tokens[i]);
    assert.ok(top.every(([token]) => allowed?.includes(token) ?? true));
    assert.equal(top.length, Math.min(numLogprobs, allowed?.length ?? Infinity));
    if (allowed?.length !== 1) return;
    numForced++;
    assert.equal(logprob, 0);
  });
  assert.ok(numForced > 3);
});

const SHAPES: readonly Shape[] = [[3, 4, 16], [5, 8, 64], [1, 1, 2]];

for (const args of ALGORITHMS) {
  laws.testProposer(args, args.speculativeAdaptive ? undefined : SHAPES[0]);
}
for (const shape of SHAPES.slice(1)) laws.testProposer({ speculativeAlgorithm: "NGRAM" }, shape);
laws.testPreemption(460);

for (const [who, draft] of Object.entries(DRAFTERS)) {
  for (const shape of SHAPES) {
    if (who === "random" && shape[1] === 1) continue;
    Deno.test(`the law holds under constraints for a drafter that is ${who}, trees ${shape.join("/")}`, async () => {
      const { setting, expected } = await laws.setting();
      const tokensOf = (requestId: string) => {
        const index = Number(requestId.slice(1));
        return [...CASES[index]!.prompt, ...expected[index]!.tokens];
      };
      let numForced = 0, numPruned = 0;
      const onMatch: FakeMatcherOptions["onMatch"] = ({ requests }, { trees }) => {
        requests.forEach(({ tree }, i) => {
          // No draft is this certain.
          if (trees[i]!.probabilities.includes(1)) numForced++;
          if (tree.tokens.some((token) => !trees[i]!.tokens.includes(token))) numPruned++;
        });
      };
      const { accepted, cached } = await checkLaw(
        { ...setting, matcher: matcher({ onMatch }) },
        expected,
        { speculativeAlgorithm: "NGRAM", ...shapeArgs(shape) },
        { parts: { drafter: () => scriptedDrafter(tokensOf, draft) } },
      );
      assert.ok(accepted > 0 && cached > 0);
      if (who !== "always right") assert.ok(numPruned > 0 && numForced > 0);
    });
  }
}

Deno.test("thresholds below 1 accept what was not drawn, but nothing that the grammar forbids", async () => {
  const { setting } = await laws.setting();
  const one: Case = {
    prompt: ONCE,
    sampling: { temperature: 1, seed: 3, maxTokens: 60 },
    constraint: fakeConstraint(4),
  };
  const tokensOf = () => [...ONCE, ...Array.from({ length: 60 }, (_, i) => i)];
  await using engine = await start(setting, {
    speculativeAlgorithm: "NGRAM",
    speculativeAcceptThresholdSingle: 1e-9,
    ...shapeArgs([3, 4, 16]),
  }, { parts: { drafter: () => scriptedDrafter(tokensOf, DRAFTERS.random) } });
  for (let seed = 0; seed < 5; seed++) {
    const request = requestOf("r0", ONCE, { ...one.sampling, seed });
    const update = await collect(engine.generate({ ...request, constraint: one.constraint! }));
    assert.ok(obeys(one, update));
    assert.ok(update.usage.speculation!.numAccepted > 0);
  }
});

Deno.test("a request whose grammar is refused or whose matcher is lost fails alone", async () => {
  const { setting, expected } = await laws.setting();
  const refused = fakeConstraint(99);
  await using engine = await start({
    ...setting,
    matcher: matcher({
      refuses: (constraint) =>
        constraint === refused || JSON.stringify(constraint) === JSON.stringify(refused),
      loses: (requestId, numTokens) => requestId === "lost" && numTokens >= 5,
    }),
  }, { speculativeAlgorithm: "NGRAM", ...shapeArgs([2, 2, 4]) });
  const [, one] = CASES, request = (requestId: string) => requestOf(requestId, one!.prompt, one!.sampling);
  const run = (requestId: string, constraint = one!.constraint!) =>
    collect(engine.generate({ ...request(requestId), constraint }));
  const [bad, lost, good] = await Promise.allSettled([run("bad", refused), run("lost"), run("r1")]);
  assert.match(String(bad.status === "rejected" && bad.reason), /Cannot compile grammar: it is refused/);
  assert.match(String(lost.status === "rejected" && lost.reason), /Cannot go on: its matcher is lost/);
  assert.deepEqual(good.status === "fulfilled" && good.value.tokens, expected[1]!.tokens);
  const { numFreePages, numEvictablePages, numPages } = await engine.schedulerState();
  assert.equal(numFreePages + numEvictablePages, numPages, "pages leak");
});
