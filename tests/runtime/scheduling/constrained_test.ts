/**
 * Constrained requests in the scheduler: how they wait for their grammar, end, and get forced tokens.
 *
 * @module
 */
import assert from "node:assert/strict";
import { chainOf, emptyTree } from "../../../runtime/contracts/draft_tree.ts";
import type { DraftingConfig } from "../../../runtime/contracts/speculation_config.ts";
import { InvalidRequestError, toWireError } from "../../../runtime/contracts/errors.ts";
import { commit } from "../../../runtime/scheduling/commit.ts";
import { fakeConstraint } from "../../support/fake_grammar.ts";
import { fixedDrafting } from "../../support/scheduler_actor.ts";
import type { Client } from "../../support/scheduler_client.ts";
import { World } from "../../support/scheduler_world.ts";

const ENDLESS = { maxTokens: 100, ignoreEos: true }, constraint = fakeConstraint(2);
const VOCAB = { vocabSize: 40 };

/** Flags of trees with room for `numNodes`, on a machine where a row adds `rowMs` to a forward of 10 ms. */
function draftingOf(numNodes: number, rowMs = 0.1): DraftingConfig {
  const forwardMs = { sizes: [1, 64], ms: [10, 10 + 63 * rowMs] };
  return { ...fixedDrafting, numSteps: 1, topk: 1, numNodes, forwardMs };
}

function errorOf({ last }: Client) {
  assert.equal(last?.type, "failed");
  return last?.type === "failed" ? last.error : undefined;
}

Deno.test("a request waits for its grammar and holds up nobody, then takes the place it came at", () => {
  const world = new World({ maxRunningRequests: 1 }, VOCAB);
  const slow = world.submit("slow", [1], ENDLESS, { constraint });
  const others = ["a", "b"].map((id) => world.submit(id, [2], { maxTokens: 3, ignoreEos: true }));
  world.step();
  assert.ok(others[0]!.tokens.length > 0 && slow.tokens.length === 0);
  world.compile();
  assert.deepEqual([...world.state.waiting].map(({ requestId }) => requestId), ["slow", "b"]);
  world.drain();
  assert.deepEqual(slow.tokens, world.truth([1], slow.tokens.length, { constraint }));
});

Deno.test("grammars that are compiled in another order change no turns", () => {
  const world = new World({ maxRunningRequests: 1 }, VOCAB);
  world.submit("running", [1], ENDLESS);
  world.step();
  for (const id of ["a", "b", "c"]) world.submit(id, [1], ENDLESS, { constraint });
  for (const how of ["newest", "oldest", "oldest"] as const) world.compile(how);
  assert.deepEqual([...world.state.waiting].map(({ requestId }) => requestId), ["a", "b", "c"]);
  world.drain();
});

Deno.test("while a grammar is compiled its request can be cancelled, refused and paused, and counts as waiting", () => {
  const world = new World({ maxRunningRequests: 1, maxQueuedRequests: 1 }, VOCAB);
  const [cancelled, refused] = ["c", "r"].map((id) => world.submit(id, [1], ENDLESS, { constraint }));
  assert.match(errorOf(world.submit("more", [1], ENDLESS))!.message, /2 of at most 2 are waiting/);
  assert.equal(world.flush(), false);
  world.cancel("c");
  assert.equal(cancelled!.end, "abort");
  world.compile("refused");
  assert.equal(errorOf(refused!)!.details["param"], "ebnf");
  const paused = world.submit("p", [1], ENDLESS, { constraint });
  world.pause("retract");
  world.compile();
  assert.equal(world.begin(), undefined);
  assert.ok(world.flush(), "what waits owns nothing");
  world.pause("abort");
  assert.equal(paused.end, "abort");
  world.resume();
  world.drain();
});

Deno.test("a batch that has no room beside what is compiled is refused as a whole", () => {
  const world = new World({ maxRunningRequests: 1, maxQueuedRequests: 2, maxQueuedTokens: 4 }, VOCAB);
  world.submit("a", [1, 2], ENDLESS, { constraint });
  const batch = (numFollowing: number) => ({
    id: "b",
    promptIndex: 1 - numFollowing,
    numFollowing,
    numFollowingTokens: 2 * numFollowing,
  });
  const both = [1, 0].map((left) =>
    world.submit(`b${left}`, [1, 2], ENDLESS, { constraint, batch: batch(left) })
  );
  assert.deepEqual(both.map(({ end }) => end), ["overloaded", "overloaded"]);
  world.drain();
});

Deno.test("a finished grammar ends a request that ignores end tokens, and a length ends one whose grammar goes on", () => {
  const world = new World({}, VOCAB);
  const whole = world.submit("whole", [1], ENDLESS, { constraint });
  const cut = world.submit("cut", [1], { ...ENDLESS, maxTokens: 2 }, { constraint });
  const free = world.submit("free", [1], { maxTokens: 30, ignoreEos: true });
  world.drain();
  const reasons = [whole, cut, free].map(({ last }) => last?.type === "finished" && last.reason);
  assert.deepEqual(reasons, [
    { type: "stop", matched: 0 },
    { type: "length", length: 2 },
    { type: "length", length: 30 },
  ]);
});

Deno.test("forced tokens come with the same words in fewer steps, in plain steps too", () => {
  const run = (drafting?: DraftingConfig) => {
    const world = new World(drafting ? { drafting } : {}, VOCAB);
    const clients = [3, 5, 7].map((seed) =>
      world.submit(`r${seed}`, [seed], { maxTokens: 40 }, {
        constraint: fakeConstraint(seed),
        reportsRounds: true,
      })
    );
    world.drain();
    return { words: clients.map(({ tokens }) => tokens), clients, world };
  };
  const plain = run(), forced = run(draftingOf(6)), deep = run({ ...draftingOf(6), adaptive: true });
  assert.deepEqual([forced.words, deep.words], [plain.words, plain.words]);
  assert.ok(forced.world.steps.length < 0.8 * plain.world.steps.length);
  assert.ok(deep.world.steps.length < 0.8 * plain.world.steps.length);
  for (const { clients, world } of [forced, deep]) {
    const { numAccepted, numProposed } = world.state.speculation;
    const rounds = clients.flatMap(({ rounds }) => rounds);
    assert.equal(rounds.reduce((sum, { tree }) => sum + tree.tokens.length, 0), numProposed);
    assert.ok(numAccepted > 10);
  }
});

Deno.test("whatever a row costs, forced tokens make no answers slower", () => {
  for (const rowMs of [0.1, 2, 5, 9, 12, 30]) {
    const msOf = (drafting?: DraftingConfig) => {
      const world = new World(drafting ? { drafting } : {}, VOCAB);
      world.forwardMs = (numRows) => 10 + rowMs * (numRows - 1);
      for (let seed = 0; seed < 6; seed++) {
        world.submit(`r${seed}`, [seed], { maxTokens: 40 }, { constraint: fakeConstraint(seed) });
      }
      world.drain();
      return world.state.forwardMs;
    };
    const plain = msOf();
    for (const adaptive of [false, true]) {
      const ratio = msOf({ ...draftingOf(6, rowMs), adaptive }) / plain;
      assert.ok(ratio < 1.03, `${ratio} of the time at ${rowMs} ms a row`);
      if (rowMs <= 2) assert.ok(ratio < 0.9, `${ratio} of the time at ${rowMs} ms a row`);
    }
  }
});

Deno.test("no slots are reserved for forced tokens that cannot pay, of plain requests, or without speculation", () => {
  const maxNodesOf = (drafting: DraftingConfig | undefined, speculative: boolean) => {
    const world = new World(drafting ? { drafting } : {}, VOCAB);
    world.submit("r", [1], ENDLESS, { constraint, speculative });
    world.compile();
    world.step();
    const step = world.begin();
    world.drain();
    return step!.forward.segments[0]!.maxNodes;
  };
  assert.equal(maxNodesOf(draftingOf(6), true), 6);
  assert.equal(maxNodesOf(draftingOf(6, 20), true), undefined);
  assert.equal(maxNodesOf(draftingOf(6), false), undefined);
  assert.equal(maxNodesOf(undefined, true), undefined);
});

Deno.test("the policy learns of the drafts that were made, not of forced tokens beside them", () => {
  const world = new World({ drafting: { ...draftingOf(6), numSteps: 2 }, eosTokenIds: [] }, {
    ...VOCAB,
    makeTree: () => chainOf(Int32Array.of(8, 9), Float32Array.of(0.5, 0.25)),
  });
  const observed: unknown[] = [];
  const policy = world.state.policy!, observe = policy.observe.bind(policy);
  policy.observe = (outcome) => {
    if (outcome.type === "stepped") observed.push(...outcome.verified);
    observe(outcome);
  };
  world.submit("r", [1], ENDLESS, { constraint });
  world.compile();
  world.step();
  const { forward: { step, segments } } = world.begin()!;
  const { tokens: [root] } = segments[0]!;
  // The matcher put two forced tokens before the first draft, and the second one away.
  const tree = {
    tokens: Int32Array.of(7, 3, 8),
    parents: Int32Array.of(-1, 0, -1),
    probabilities: new Float32Array(3).fill(1),
  };
  const result = { tokens: Int32Array.of(8, 9), accepted: Int32Array.of(2), tree };
  const numComputed = world.state.running[0]!.numComputed;
  commit(world.state, { type: "forwarded", step, results: [result], forwardMs: 10 });
  assert.deepEqual(observed.map((draft) => [...(draft as { accepted: Int32Array }).accepted]), [[0, 1]]);
  const [sequence] = world.state.running;
  assert.deepEqual(sequence!.tokens.slice(-3), [root, 8, 9]);
  assert.equal(sequence!.numComputed, numComputed + 2);
  assert.equal(world.state.speculation.numProposed, 3);
});

Deno.test("a request whose matcher is lost fails alone", () => {
  const world = new World({ drafting: draftingOf(4) }, { ...VOCAB, makeTree: () => emptyTree });
  const [lost, other] = ["lost", "other"].map((id) => world.submit(id, [1], ENDLESS, { constraint }));
  world.compile();
  world.compile();
  world.step();
  const { forward: { step } } = world.begin()!;
  const error = toWireError(new InvalidRequestError("Cannot go on: the grammar host was lost"));
  const events = commit(world.state, {
    type: "forwarded",
    step,
    results: [
      { tokens: new Int32Array(0), accepted: new Int32Array(0), error },
      { tokens: Int32Array.of(other!.tokens.at(-1)!), accepted: new Int32Array(0) },
    ],
    forwardMs: 10,
  });
  assert.deepEqual(events.map(({ type, requestId }) => [type, requestId]), [
    ["release", "lost"],
    ["forget", "lost"],
    ["failed", "lost"],
    ["tokens", "other"],
  ]);
  assert.equal(lost!.last, undefined);
  assert.deepEqual(world.state.running.map(({ requestId }) => requestId), ["other"]);
});
