import assert from "node:assert/strict";
import fc from "fast-check";
import type { SchedulerConfig } from "../../../runtime/contracts/config.ts";
import { World } from "../../support/scheduler_world.ts";

const PAGE_SIZE = 4;
/** Admissions, in turn and out of it, for one in turn. */
const MOST_PER_TURN = 5;

/** `count` tokens that no other seed shares. */
function tokensOf(seed: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => 1000 * seed + i + 1);
}

function worldOf(config: Partial<SchedulerConfig>): World {
  return new World({ schedulePolicy: "lpm", maxRunningRequests: 1, pageSize: PAGE_SIZE, ...config });
}

/** Puts prompts into the cache, one after another. */
function remember(world: World, ...prompts: readonly number[][]): void {
  for (const prompt of prompts) {
    world.submit(`remember ${prompt[0]}`, prompt, { maxTokens: 1 });
    world.drain();
  }
  world.steps.length = 0;
}

/** Who was admitted for the first time, in this order. */
function admitted(world: World): string[] {
  const starts = world.steps.flatMap(({ forward }) => forward.starts.map(({ requestId }) => requestId));
  return [...new Set(starts)];
}

Deno.test("lpm: who has most in the cache is first, then whose turn it is", () => {
  const world = worldOf({});
  remember(world, tokensOf(1, 20), tokensOf(2, 40));
  world.submit("none", tokensOf(3, 50), { maxTokens: 1 });
  world.submit("none either", tokensOf(4, 10), { maxTokens: 1 }, { client: "other" });
  world.submit("short", [...tokensOf(1, 20), 7], { maxTokens: 1 });
  world.submit("long", [...tokensOf(2, 40), 8], { maxTokens: 1 });
  world.drain();
  assert.deepEqual(admitted(world), ["long", "short", "none", "none either"]);
});

Deno.test("lpm: without a cache, and where more than 128 wait, it is fcfs", () => {
  for (const config of [{ disableRadixCache: true }, { maxQueuedRequests: 200 }]) {
    const world = worldOf({ ...config, contextLength: 64 });
    remember(world, tokensOf(1, 40));
    const names = Array.from({ length: config.disableRadixCache ? 3 : 129 }, (_, i) => `r${i}`);
    for (const name of names) world.submit(name, tokensOf(5, 3), { maxTokens: 1 });
    world.submit("hot", [...tokensOf(1, 40), 7], { maxTokens: 1 });
    world.drain();
    const order = admitted(world);
    assert.equal(order[0], "r0");
    if (config.disableRadixCache) assert.deepEqual(order, [...names, "hot"]);
    else assert.equal(order[2], "hot", "now 128 wait");
  }
});

Deno.test("lpm: a prompt whose beginning is being read waits for it, unless little is to be gained", () => {
  const beginning = tokensOf(1, 40);
  const world = worldOf({ maxRunningRequests: 4, chunkedPrefillSize: 140, maxRows: 160 });
  world.submit("first", [...beginning, 1], { maxTokens: 2 });
  world.submit("same", [...beginning, 2], { maxTokens: 1 });
  world.submit("other", [...beginning.slice(0, 20), 3], { maxTokens: 1 });
  world.submit("apart", [...beginning, 3], { maxTokens: 1 }, { cacheKey: "salt" });
  const begun = world.step()!;
  assert.deepEqual(begun.forward.starts.map(({ requestId }) => requestId), ["first", "other", "apart"]);
  const next = world.step()!;
  assert.deepEqual(next.forward.starts.map(({ requestId }) => requestId), ["same"]);
  assert.equal(next.numCachedTokens, 40);
  world.drain();

  const greedy = worldOf({
    schedulePolicy: "fcfs",
    maxRunningRequests: 4,
    chunkedPrefillSize: 100,
    maxRows: 120,
  });
  greedy.submit("first", [...beginning, 1], { maxTokens: 2 });
  greedy.submit("same", [...beginning, 2], { maxTokens: 1 });
  assert.equal(greedy.step()!.forward.starts.length, 2);
});

Deno.test("lpm: who was chosen and finds no room is not overtaken", () => {
  const world = worldOf({ numPages: 20, maxRunningRequests: 4 });
  remember(world, tokensOf(1, 24));
  world.submit("running", tokensOf(2, 30), { maxTokens: 20, ignoreEos: true });
  world.step();
  world.submit("large", [...tokensOf(1, 16), ...tokensOf(3, 38)], { maxTokens: 1 });
  world.step();
  world.submit("small", [...tokensOf(1, 24), 5], { maxTokens: 1 });
  world.drain();
  assert.deepEqual(admitted(world), ["running", "large", "small"]);
});

Deno.test("lpm: tenants that come by turns find their beginnings in a cache that is too small for all of them", () => {
  const run = (schedulePolicy: SchedulerConfig["schedulePolicy"], hasAddresses: boolean) => {
    const world = worldOf({ schedulePolicy, numPages: 90, contextLength: 200, maxRunningRequests: 4 });
    for (let i = 0; i < 200; i++) {
      while (world.state.waiting.size > 40) world.step();
      const tenant = i % 8, prompt = [...tokensOf(tenant, 80), 50_000 + i];
      const client = hasAddresses ? `c${tenant}` : "";
      world.submit(`r${i}`, prompt, { maxTokens: 6, ignoreEos: true }, { client });
    }
    world.drain();
    for (const { prompt, tokens } of world.clients.values()) {
      assert.deepEqual(tokens, world.truth(prompt, 6), "the same tokens, whatever the order");
    }
    return world.state.cachedTokens / world.state.promptTokens;
  };
  for (const hasAddresses of [false, true]) {
    const fcfs = run("fcfs", hasAddresses), lpm = run("lpm", hasAddresses);
    assert.ok(lpm > fcfs + 0.5, `${lpm} of all tokens are cached, ${fcfs} by fcfs`);
  }
});

/** Clients with beginnings in common, and steps between their requests. */
const streams = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        client: fc.nat({ max: 2 }),
        family: fc.constantFrom(1, 1, 1, 2, 3),
        numShared: fc.constantFrom(0, 40, 40, 60),
      }),
    },
    { weight: 2, arbitrary: fc.constant(undefined) },
  ),
  { minLength: 30, maxLength: 150, size: "max" },
);

Deno.test("lpm: nobody waits for more than five times as many admissions as there are turns before it", () => {
  let numOvertaken = 0;
  fc.assert(
    fc.property(streams, fc.integer({ min: 1, max: 3 }), (stream, maxRunningRequests) => {
      const world = worldOf({ numPages: 48, maxRunningRequests, contextLength: 100 });
      // By request: those admitted before it came, and the turns before its own with three clients.
      const bounds = new Map<string, { numBefore: number; numTurns: number }>();
      stream.forEach((request, i) => {
        if (request === undefined) return void world.step();
        const client = `c${request.client}`, numAhead = world.state.waiting.numOf(client);
        bounds.set(`r${i}`, { numBefore: admitted(world).length, numTurns: 3 * (numAhead + 1) });
        const prompt = [...tokensOf(request.family, request.numShared), 50_000 + i];
        world.submit(`r${i}`, prompt, { maxTokens: 3, ignoreEos: true }, { client });
      });
      world.drain();
      const order = admitted(world);
      order.forEach((name, at) => {
        const { numBefore, numTurns } = bounds.get(name)!;
        assert.ok(at - numBefore < MOST_PER_TURN * numTurns, `${name} waited for ${at - numBefore} others`);
        if (order.slice(0, at).some((other) => Number(other.slice(1)) > Number(name.slice(1)))) {
          numOvertaken++;
        }
      });
      for (const { prompt, tokens } of world.clients.values()) {
        assert.deepEqual(tokens, world.truth(prompt, 3));
      }
    }),
    { numRuns: 150 },
  );
  assert.ok(numOvertaken > 100, `${numOvertaken} were overtaken`);
});
