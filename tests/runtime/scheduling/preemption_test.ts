import assert from "node:assert/strict";
import type { Client } from "../../support/scheduler_client.ts";
import { World } from "../../support/scheduler_world.ts";

const ENDLESS = { maxTokens: 1000, ignoreEos: true };

function preemptionsOf({ last }: Client): number | undefined {
  return last?.type === "finished" ? last.usage.numPreemptions : undefined;
}

/** Steps until somebody is preempted; returns who. */
function stepToPreemption(world: World): string[] {
  for (;;) {
    const { releases } = world.step()!;
    if (releases.length > 0) return releases.map(({ requestId }) => requestId);
  }
}

Deno.test("when pages run out, who has least output waits and later goes on as if nothing had happened", () => {
  const world = new World({ numPages: 12, pageSize: 2 }, { reserveRatio: 0 });
  const first = world.submit("first", [1], { maxTokens: 16, ignoreEos: true });
  world.step();
  world.step();
  const second = world.submit("second", [2], { maxTokens: 16, ignoreEos: true });
  world.submit("third", Array(20).fill(3), { maxTokens: 1, ignoreEos: true });
  assert.deepEqual(stepToPreemption(world), ["second"]);
  assert.equal(world.state.waiting.first?.requestId, "second", "in front of those who came later");
  world.drain();
  assert.deepEqual(first.tokens, world.truth([1], 16));
  assert.deepEqual(second.tokens, world.truth([2], 16));
  assert.equal(preemptionsOf(first), 0);
  assert.ok(preemptionsOf(second)! >= 1);
});

Deno.test("of equal output the longest prompt is preempted, of equal prompts the youngest", () => {
  const preempted = (prompts: readonly number[][]) => {
    const world = new World({ numPages: 9, pageSize: 2 }, { reserveRatio: 0 });
    for (const prompt of prompts) world.submit(`${prompt}`, prompt, ENDLESS);
    return stepToPreemption(world);
  };
  assert.deepEqual(preempted([[1, 2, 3], [4], [5]]), ["1,2,3"]);
  assert.deepEqual(preempted([[1], [2, 3], [4, 5]]), ["4,5"]);
});

Deno.test("a resumed sequence finds its pages in the cache, but they are no cached prompt tokens", () => {
  const world = new World({ numPages: 16, pageSize: 2 }, { reserveRatio: 0 });
  const prompt = [9, 8, 7, 6, 5];
  world.submit("other", [1], { maxTokens: 30, ignoreEos: true });
  world.step();
  const client = world.submit("client", prompt, { maxTokens: 14, promptLogprobStart: 0, ignoreEos: true });
  assert.deepEqual(stepToPreemption(world), ["client"]);
  world.cancel("other");
  const step = world.step()!;
  assert.ok(step.numCachedTokens > 0);
  assert.ok(step.numPrefillRows <= 2, "all full pages are found, those of its output too");
  world.drain();
  assert.deepEqual(client.tokens, world.truth(prompt, 14));
  assert.equal(client.last?.type === "finished" && client.last.usage.numCachedTokens, 0);
});

Deno.test("a preempted sequence does not come back to a pool that is still too tight", () => {
  const world = new World({ numPages: 20, pageSize: 1 });
  world.state.reserve.ratio = 0;
  for (const i of [1, 2, 3]) world.submit(`r${i}`, [i], { maxTokens: 18, ignoreEos: true });
  assert.deepEqual(stepToPreemption(world), ["r3"]);
  world.cancel("r1");
  // 12 pages are to be had, r3 lacks 7, but r2 and r3 would soon need more than 20.
  assert.deepEqual(world.step()!.forward.starts, []);
  world.drain();
  assert.equal(world.state.numPreemptions, 1);
});

Deno.test("prompt logprobs known before a preemption are neither lost nor computed twice", () => {
  const world = new World({ numPages: 11, pageSize: 2, chunkedPrefillSize: 3 }, { reserveRatio: 0 });
  const prompt = Array.from({ length: 18 }, (_, i) => 100 + i);
  world.submit("other", [1], { maxTokens: 12, ignoreEos: true });
  world.step();
  const client = world.submit("client", prompt, { maxTokens: 2, promptLogprobStart: 2, ignoreEos: true });
  assert.deepEqual(stepToPreemption(world), ["client"]);
  const numBefore = world.state.waiting.first!.promptLogprobs!.length;
  assert.ok(numBefore > 0 && numBefore < 16, "preempted amid its prompt");
  world.drain();
  assert.deepEqual(client.promptLogprobs?.map(({ token }) => token), prompt.slice(2));
  const numComputed = world.steps.flatMap(({ forward }) => forward.segments)
    .reduce((sum, { promptLogprobs }) => sum + (promptLogprobs?.numRows ?? 0), 0);
  assert.equal(numComputed, 16);
});

Deno.test("generation ends where the pool does", () => {
  const world = new World({ numPages: 4, pageSize: 4 });
  const client = world.submit("a", [1, 2, 3], { maxTokens: 100, ignoreEos: true });
  const next = world.submit("b", [1, 2, 3], { maxTokens: 14, ignoreEos: true });
  world.drain();
  assert.deepEqual(client.last?.type === "finished" && client.last.reason, { type: "length", length: 14 });
  // Its last token needs no page.
  assert.deepEqual(client.tokens, world.truth([1, 2, 3], 14));
  assert.equal(next.end, "length");
});
