/**
 * Rounds as the scheduler reports them, and requests that decode plainly beside others.
 *
 * @module
 */
import assert from "node:assert/strict";
import { chainOf, type DraftTree, emptyTree } from "../../../runtime/contracts/draft_tree.ts";
import type { SchedulerConfig } from "../../../runtime/contracts/config.ts";
import type { DraftRequest } from "../../../runtime/messages/scheduler_drafter.ts";
import { draftLoadOf } from "../../../runtime/scheduling/draft_load.ts";
import { fixedDrafting } from "../../support/scheduler_actor.ts";
import { isPlain } from "../../support/rounds.ts";
import { World } from "../../support/scheduler_world.ts";

const drafting = { ...fixedDrafting, numSteps: 3, topk: 1, numNodes: 3 };
const asks = { reportsRounds: true } as const, PROMPT = [1, 2, 3];

/** A world whose drafter is right in its first `numRight` tokens, and then wrong once. */
function worldOf(numRight: number, config: Partial<SchedulerConfig> = {}): World {
  const makeTree = ({ numSteps }: DraftRequest, truth: readonly number[]): DraftTree => {
    const tokens = truth.slice(0, Math.min(numSteps, numRight + 1)).map((token, i) =>
      i < numRight ? token : token + 1
    );
    return chainOf(Int32Array.from(tokens), new Float32Array(tokens.length).fill(0.5));
  };
  const world = new World({ drafting, eosTokenIds: [], ...config }, { makeTree });
  world.draftMs = () => 4;
  return world;
}

Deno.test("a round has its tree, its path and the times of its step; the first token's is plain", () => {
  const world = worldOf(2), client = world.submit("r", PROMPT, { maxTokens: 7 }, asks);
  world.drain();
  const { rounds, tokens } = client;
  assert.deepEqual(rounds.map((round) => round.tokens.length), [1, 3, 3]);
  assert.ok(isPlain(rounds[0]!));
  assert.equal(rounds[0]!.verifyMs, 10);
  assert.deepEqual(rounds[1], {
    tokens: Int32Array.from(tokens.slice(1, 4)),
    tree: chainOf(Int32Array.of(tokens[1]!, tokens[2]!, tokens[3]! + 1), new Float32Array(3).fill(0.5)),
    accepted: Int32Array.of(0, 1),
    draftMs: 4,
    verifyMs: 10,
  });
});

Deno.test("a round that an end token cuts within the drafts has only accepted ones", () => {
  const truth = new World({ drafting, eosTokenIds: [] }).truth(PROMPT, 4);
  const world = worldOf(3), sampling = { maxTokens: 20, stopTokenIds: [truth[2]!] };
  const { rounds, tokens } = world.submit("r", PROMPT, sampling, asks);
  world.drain();
  assert.deepEqual(tokens, truth.slice(0, 3));
  const last = rounds.at(-1)!;
  assert.deepEqual([...last.tokens], truth.slice(1, 3));
  assert.deepEqual([...last.accepted], [0, 1]);
  assert.equal(last.tree.tokens.length, 3, "the tree that was verified is whole");
});

Deno.test("a step whose drafts came to nothing says how long they took", () => {
  const world = new World({ drafting, eosTokenIds: [] }, { makeTree: () => emptyTree });
  world.draftMs = () => 4;
  const { rounds } = world.submit("r", PROMPT, { maxTokens: 3 }, asks);
  world.drain();
  // Before the last token there is nothing to draft for.
  assert.deepEqual(rounds.map(({ draftMs }) => draftMs), [0, 4, 0]);
  assert.ok(rounds.every(({ tree }) => tree.tokens.length === 0));
});

Deno.test("without speculation every round is plain", () => {
  const world = new World(), { rounds } = world.submit("r", PROMPT, { maxTokens: 5, ignoreEos: true }, asks);
  world.drain();
  assert.equal(rounds.length, 5);
  assert.ok(rounds.every(isPlain));
});

Deno.test("nothing is drafted for a request that decodes plainly, alone or beside one that does not", () => {
  const world = worldOf(2);
  const alone = world.submit("alone", PROMPT, { maxTokens: 6 }, { ...asks, speculative: false });
  world.drain();
  assert.equal(world.state.numDrafts, 0);
  assert.equal(world.state.speculation.numVerifications, 0);
  const beside = world.submit("beside", [4, 5], { maxTokens: 6 }, { ...asks, speculative: false });
  const drafted = world.submit("drafted", [6, 7], { maxTokens: 12 }, asks);
  world.drain();
  for (const client of [alone, beside]) {
    assert.deepEqual(client.tokens, world.truth(client.prompt, 6));
    assert.ok(client.rounds.every(isPlain));
    assert.equal(client.last?.type === "finished" && client.last.usage.speculation, undefined);
  }
  assert.deepEqual(drafted.tokens, world.truth(drafted.prompt, 12));
  assert.ok(drafted.last?.type === "finished");
  assert.deepEqual(world.state.speculation, drafted.last.usage.speculation);
  assert.ok(drafted.rounds.length < 8, "it is drafted for all the time");
});

Deno.test("those that decode plainly leave their share of the rows to the trees of others", () => {
  // Four rows for four sequences, and twelve for nodes.
  const world = worldOf(3, { maxRows: 16, maxOutputs: 16, drafting: { ...drafting, numNodes: 12 } });
  const sizes: number[] = [];
  world.draftMs = (requests) => {
    sizes.push(...requests.map(({ numNodes }) => numNodes));
    return 1;
  };
  world.submit("drafted", PROMPT, { maxTokens: 30 });
  for (const name of ["a", "b", "c"]) world.submit(name, PROMPT, { maxTokens: 30 }, { speculative: false });
  world.step();
  assert.equal(world.step()?.numDecoding, 4);
  assert.deepEqual(sizes, [12]);
});

Deno.test("the policy is told of all that decode, and of those among them that drafts may be made for", () => {
  const world = worldOf(3);
  world.submit("a", PROMPT, { maxTokens: 30 }, { speculative: false });
  world.submit("drafted", [4, 5], { maxTokens: 30 });
  world.step();
  const { numDecoding, numContextTokens, draftable, candidates } = draftLoadOf(world.state);
  assert.deepEqual([numDecoding, numContextTokens], [2, PROMPT.length + 1 + 3]);
  assert.deepEqual(draftable, { numSequences: 1, numContextTokens: 3 });
  assert.deepEqual(candidates.map(({ numTokensLeft }) => numTokensLeft), [29]);
});

Deno.test("the events of a request that asked for nothing say nothing of rounds", () => {
  const world = worldOf(2), events: string[][] = [];
  const client = world.submit("r", PROMPT, { maxTokens: 7 });
  const take = client.onEvent.bind(client);
  client.onEvent = (event) => {
    events.push(Object.keys(event));
    take(event);
  };
  world.drain();
  assert.deepEqual(events, [
    ["type", "requestId", "tokens"],
    ["type", "requestId", "tokens"],
    ["type", "requestId", "tokens"],
    ["type", "requestId", "reason", "usage"],
  ]);
});

Deno.test("what the models are sent does not depend on whether rounds are reported", () => {
  const messagesOf = (reportsRounds: boolean) => {
    const world = worldOf(2), messages: unknown[] = [];
    world.draftMs = (requests) => {
      messages.push(structuredClone(requests));
      return 4;
    };
    for (const [name, first] of [["a", 5], ["b", 7]] as const) {
      world.submit(name, [first, ...PROMPT], { maxTokens: 20 }, { reportsRounds });
    }
    world.drain();
    messages.push(...world.steps.map(({ forward, releases }) => structuredClone({ forward, releases })));
    return messages;
  };
  const messages = messagesOf(false);
  assert.ok(messages.length > 8);
  assert.deepEqual(messagesOf(true), messages);
});
