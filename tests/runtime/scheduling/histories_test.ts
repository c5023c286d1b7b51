/**
 * Random histories of a scheduler, whatever its sizes. The rules of every single message are in the support module.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { SchedulerConfig } from "../../../runtime/contracts/config.ts";
import type { DraftTree } from "../../../runtime/contracts/draft_tree.ts";
import type { DraftRequest } from "../../../runtime/messages/scheduler_drafter.ts";
import type { SamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import { fakeConstraint } from "../../support/fake_grammar.ts";
import { checkRound } from "../../support/rounds.ts";
import type { Client } from "../../support/scheduler_client.ts";
import { World } from "../../support/scheduler_world.ts";

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
      arbitrary: fc.record({
        type: fc.constant("submit" as const),
        prompt: prompts,
        sampling: samplings,
        cacheKey: fc.constantFrom("", "", "salt"),
        speculative: fc.constantFrom(true, true, false),
        constraint: fc.oneof(fc.constant(undefined), fc.nat({ max: 30 }).map(fakeConstraint)),
        reportsRounds: fc.boolean(),
      }),
    },
    { weight: 5, arbitrary: fc.constant({ type: "begin" as const }) },
    { weight: 5, arbitrary: fc.constant({ type: "end" as const }) },
    { weight: 2, arbitrary: fc.constant({ type: "draft" as const }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("cancel" as const), who: fc.nat({ max: 8 }) }) },
    { weight: 1, arbitrary: fc.constant({ type: "flush" as const }) },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant("compile" as const),
        how: fc.constantFrom("oldest" as const, "oldest" as const, "newest" as const, "refused" as const),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant("pause" as const),
        mode: fc.constantFrom("in_place" as const, "retract" as const, "retract" as const),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ type: "resume" as const }) },
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
  maxQueuedPerClient: fc.integer({ min: 0, max: 12 }),
  maxQueuedTokens: fc.constantFrom(20, 1000),
  maxStepMs: fc.constantFrom(0, 20, 1e9),
  maxPrefillTokens: fc.integer({ min: 1, max: 20 }),
  schedulePolicy: fc.constantFrom("fcfs", "lpm"),
  scheduleConservativeness: fc.constantFrom(0, 0.5, 1, 9),
});

/** Events that a request must have got if it was not cancelled: the model's tokens up to their end. */
function checkOutcome(world: World, client: Client): void {
  const { config } = world;
  const { prompt, sampling, tokens, last } = client;
  const numPoolTokens = config.numPages * config.pageSize;
  const maxTokens = Math.min(
    sampling.maxTokens,
    config.contextLength - prompt.length,
    numPoolTokens + 1 - prompt.length,
  );
  const { asks, rounds } = client, { constraint } = asks;
  const truth = world.truth(prompt, maxTokens, { constraint });
  // A grammar that has ended ends a request that ignores end tokens.
  const ends = sampling.ignoreEos && constraint === undefined ? [] : config.eosTokenIds;
  const stops = sampling.ignoreEos ? ends : [...ends, ...sampling.stopTokenIds];
  const stopAt = truth.findIndex((token) => stops.includes(token));
  const expected = stopAt < 0 ? truth : truth.slice(0, stopAt + 1);
  assert.ok(last);
  if (last.type === "failed") {
    if (last.error.code === "overloaded") return;
    assert.equal(last.error.code, "invalid_request");
    if (last.error.details["param"] === "ebnf") return;
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
  if (asks.reportsRounds) assert.deepEqual(rounds.flatMap((round) => [...round.tokens]), tokens);
  rounds.forEach(checkRound);
  if (asks.speculative) return;
  assert.ok(rounds.every(({ tree, draftMs }) => tree.tokens.length === 0 && draftMs === 0));
  assert.equal(last.usage.speculation, undefined);
}

/** Runs random histories on worlds of random sizes and checks the events of every client. */
function checkHistories(
  makeWorld: (config: Partial<SchedulerConfig>, reserveRatio: number) => World,
  numRuns: number,
): Record<string, number> {
  const seen = {
    preemptions: 0,
    cachedTokens: 0,
    aborts: 0,
    mixedSteps: 0,
    constrained: 0,
    accepted: 0,
    rejected: 0,
    forced: 0,
  };
  fc.assert(
    fc.property(configs, fc.constantFrom(0, 0.2, 0.7), actions, (config, reserveRatio, history) => {
      const world = makeWorld(config, reserveRatio);
      world.forwardMs = (numRows, numSeen) => 2 + numRows + numSeen / 100;
      history.forEach((action, i) => {
        if (action.type === "submit") {
          world.submit(`r${i}`, action.prompt, action.sampling, {
            client: `c${i % 3}`,
            cacheKey: action.cacheKey,
            speculative: action.speculative,
            reportsRounds: action.reportsRounds,
            ...(action.constraint && { constraint: action.constraint }),
          });
        } else if (action.type === "cancel") {
          world.cancel([...world.clients.keys()].at(-1 - action.who) ?? "unknown");
        } else if (action.type === "pause") world.pause(action.mode);
        else if (action.type === "compile") world.compile(action.how);
        else world[action.type]();
      });
      world.resume();
      world.drain();
      for (const client of world.clients.values()) {
        checkOutcome(world, client);
        const { last } = client;
        if (last?.type === "finished") seen.cachedTokens += last.usage.numCachedTokens;
        if (client.end === "abort") seen.aborts++;
        if (client.asks.constraint && client.end === "stop") seen.constrained++;
        // Drafts are never this certain.
        seen.forced += client.rounds.filter(({ tree }) => tree.probabilities.includes(1)).length;
      }
      seen.preemptions += world.state.numPreemptions;
      seen.mixedSteps += world.steps.filter((step) => step.numDecoding > 0 && step.numPrefilling > 0).length;
      const { numAccepted, numProposed } = world.state.speculation;
      seen.accepted += numAccepted;
      seen.rejected += numProposed - numAccepted;
      assert.ok(world.flush());
    }),
    { numRuns },
  );
  return seen;
}

for (const tokensPerResult of [1, 3]) {
  Deno.test(`whatever happens, with up to ${tokensPerResult} tokens per result, every request gets its own words`, () => {
    const { accepted, rejected, forced, ...seen } = checkHistories(
      (config, reserveRatio) => new World(config, { vocabSize: VOCAB_SIZE, tokensPerResult, reserveRatio }),
      800,
    );
    assert.deepEqual([accepted, rejected, forced], [0, 0, 0]);
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 50, `only ${count} ${what}`);
  });
}

/** A tree whose nodes are right, or not, by a hash of everything. */
function randomTree(
  { requestId, start, numSteps, topk, numNodes }: DraftRequest,
  truth: readonly number[],
): DraftTree {
  const tokens: number[] = [], parents: number[] = [], depths: number[] = [], probabilities: number[] = [];
  let hash = [...requestId].reduce(
    (sum, letter) => Math.imul(sum ^ letter.charCodeAt(0), 0x01000193),
    start + 7,
  );
  const random = (below: number) => {
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return (hash >>> 0) % below;
  };
  for (let tries = 0; tokens.length < numNodes && tries < 3 * numNodes; tries++) {
    const parent = random(tokens.length + 1) - 1, depth = parent < 0 ? 1 : depths[parent]! + 1;
    const token = random(3) === 0 ? random(VOCAB_SIZE) : truth[depth - 1]!;
    const siblings = parents.flatMap((other, node) => other === parent ? [node] : []);
    if (depth > numSteps || siblings.length >= topk || siblings.some((node) => tokens[node] === token)) {
      continue;
    }
    tokens.push(token);
    parents.push(parent);
    depths.push(depth);
    probabilities.push(0.8 * (parent < 0 ? 1 : probabilities[parent]!));
  }
  return {
    tokens: Int32Array.from(tokens),
    parents: Int32Array.from(parents),
    probabilities: Float32Array.from(probabilities),
  };
}

const curve = (...ms: readonly number[]) => ({ sizes: ms.map((_, i) => 1 + i * 8), ms });

for (const [adaptive, keyIncludesNextToken] of [[false, false], [true, true]] as const) {
  Deno.test(`whatever happens, with ${adaptive ? "adaptive" : "fixed"} trees, every request gets its own words`, () => {
    const drafting = {
      numSteps: 4,
      topk: 3,
      numNodes: 9,
      adaptive,
      keyIncludesNextToken,
      forwardMs: curve(10, 12, 15),
      contextMs: { perSequence: 0.001, perRow: 0.001 },
      draftMs: { firstMs: curve(1, 2), levelMs: curve(1, 2), tokenMs: 0.1 },
    };
    const seen = checkHistories(
      (config, reserveRatio) =>
        new World({ ...config, drafting }, { vocabSize: VOCAB_SIZE, reserveRatio, makeTree: randomTree }),
      800,
    );
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 50, `only ${count} ${what}`);
  });
}
