/**
 * Random histories of a scheduler, whatever its sizes. The rules of every single message are in the support module.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { SamplingParams } from "../../../runtime/sampling/params.ts";
import { type Client, World } from "../../support/scheduler_world.ts";

const VOCAB_SIZE = 40;

/** Few distinct beginnings, so that prompts share prefixes. */
const prompts = fc.record({
  family: fc.integer({ min: 0, max: 2 }),
  numShared: fc.integer({ min: 0, max: 24 }),
  tail: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 10 }),
}).map(({ family, numShared, tail }) => [
  ...Array.from({ length: numShared }, (_, i) => 1 + (i * i + family) % 30),
  ...tail,
]);

const samplings: fc.Arbitrary<Partial<SamplingParams>> = fc.record({
  maxTokens: fc.integer({ min: 0, max: 40 }),
  ignoreEos: fc.boolean(),
  stopTokenIds: fc.subarray([5, 6]),
  numLogprobs: fc.constantFrom(-1, 0),
  promptLogprobStart: fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 12 })),
});

const actions = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constant("submit" as const), prompt: prompts, sampling: samplings }),
    },
    { weight: 5, arbitrary: fc.constant({ type: "begin" as const }) },
    { weight: 5, arbitrary: fc.constant({ type: "end" as const }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("cancel" as const), who: fc.nat({ max: 8 }) }) },
    { weight: 1, arbitrary: fc.constant({ type: "flush" as const }) },
  ),
  { minLength: 20, maxLength: 120, size: "max" },
);

const configs = fc.record({
  numPages: fc.integer({ min: 2, max: 24 }),
  pageSize: fc.integer({ min: 1, max: 5 }),
  contextLength: fc.integer({ min: 12, max: 80 }),
  maxRunningRequests: fc.integer({ min: 1, max: 6 }),
  maxQueuedRequests: fc.integer({ min: 0, max: 12 }),
  chunkedPrefillSize: fc.integer({ min: 1, max: 16 }),
  maxRows: fc.integer({ min: 1, max: 20 }),
  maxOutputs: fc.integer({ min: 1, max: 8 }),
  disableRadixCache: fc.boolean(),
});

/** What a request must have heard if nobody cancelled it: the model's words, cut where they end. */
function checkOutcome(world: World, client: Client): void {
  const { config } = world;
  const { prompt, sampling, tokens, last } = client;
  const numPoolTokens = config.numPages * config.pageSize;
  const maxTokens = Math.min(
    sampling.maxTokens,
    config.contextLength - prompt.length,
    numPoolTokens + 1 - prompt.length,
  );
  const truth = world.truth(prompt, maxTokens);
  const stops = sampling.ignoreEos ? [] : [...config.eosTokenIds, ...sampling.stopTokenIds];
  const stopAt = truth.findIndex((token) => stops.includes(token));
  const expected = stopAt < 0 ? truth : truth.slice(0, stopAt + 1);
  assert.ok(last);
  if (last.type === "failed") {
    if (last.error.code === "overloaded") return;
    assert.equal(last.error.code, "invalid_request");
    assert.ok(prompt.length >= Math.min(config.contextLength, numPoolTokens));
    assert.equal(tokens.length, 0);
    return;
  }
  if (last.reason.type === "abort") {
    assert.deepEqual(tokens, expected.slice(0, tokens.length));
    return;
  }
  assert.deepEqual(tokens, expected);
  assert.deepEqual(
    last.reason,
    stopAt < 0 ? { type: "length", length: maxTokens } : { type: "stop", matched: truth[stopAt] },
  );
  assert.equal(last.usage.numCompletionTokens, tokens.length);
  const { promptLogprobStart: start, numLogprobs } = sampling;
  assert.deepEqual(
    client.promptLogprobs?.map(({ token }) => token),
    start < 0 ? undefined : prompt.slice(start),
  );
  assert.deepEqual(client.logprobs.map(({ token }) => token), numLogprobs < 0 ? [] : tokens);
}

for (const tokensPerResult of [1, 3]) {
  Deno.test(`whatever happens, with up to ${tokensPerResult} tokens per result, every request gets its own words`, () => {
    const seen = { preemptions: 0, cachedTokens: 0, aborts: 0, mixedSteps: 0 };
    fc.assert(
      fc.property(configs, fc.constantFrom(0, 0.2, 0.7), actions, (config, reserveRatio, history) => {
        const world = new World(config, { vocabSize: VOCAB_SIZE, tokensPerResult, reserveRatio });
        history.forEach((action, i) => {
          if (action.type === "submit") world.submit(`r${i}`, action.prompt, action.sampling);
          else if (action.type === "cancel") {
            world.cancel([...world.clients.keys()].at(-1 - action.who) ?? "unknown");
          } else world[action.type]();
        });
        world.drain();
        for (const client of world.clients.values()) {
          checkOutcome(world, client);
          const { last } = client;
          if (last?.type === "finished") seen.cachedTokens += last.usage.numCachedTokens;
          if (client.end === "abort") seen.aborts++;
        }
        seen.preemptions += world.state.numPreemptions;
        seen.mixedSteps += world.steps.filter((step) =>
          step.numDecoding > 0 && step.numPrefilling > 0
        ).length;
        assert.ok(world.flush());
      }),
      { numRuns: 800 },
    );
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 50, `only ${count} ${what}`);
  });
}
