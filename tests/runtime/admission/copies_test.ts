import assert from "node:assert/strict";
import fc from "fast-check";
import type { SchedulerConfig } from "../../../runtime/contracts/config.ts";
import type { SamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import type { Client } from "../../support/scheduler_client.ts";
import { World } from "../../support/scheduler_world.ts";

/** `count` tokens that no other seed shares. */
function tokensOf(seed: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => 1000 * seed + i + 1);
}

/** Submits `n` copies of each prompt as one batch; ids are `<id><prompt>-<copy>`. */
function submitBatch(
  world: World,
  { id, prompts, n, sampling = {}, client = "" }: {
    readonly id: string;
    readonly prompts: readonly (readonly number[])[];
    readonly n: number;
    readonly sampling?: Partial<SamplingParams>;
    readonly client?: string;
  },
): Client[] {
  let numFollowing = prompts.length * n;
  return prompts.flatMap((prompt, promptIndex) =>
    Array.from({ length: n }, (_, copy) => {
      const batch = { id, promptIndex, numFollowing: --numFollowing, numFollowingTokens: 0 };
      return world.submit(`${id}${promptIndex}-${copy}`, prompt, sampling, { batch, client });
    })
  );
}

/** Prompt rows computed so far, by request. */
function promptRows(world: World): Map<string, number> {
  const rows = new Map<string, number>();
  for (const { forward: { segments } } of world.steps) {
    for (const { requestId, start, tokens } of segments) {
      const numRows = Math.max(
        0,
        Math.min(start + tokens.length, world.client(requestId).prompt.length) - start,
      );
      rows.set(requestId, (rows.get(requestId) ?? 0) + numRows);
    }
  }
  return rows;
}

function cachedOf({ last }: Client): number {
  assert.ok(last?.type === "finished");
  return last.usage.numCachedTokens;
}

const sampling = { maxTokens: 3, ignoreEos: true };

Deno.test("copies: eight copies compute their prompt once, but for the page that each goes on in", () => {
  for (const schedulePolicy of ["fcfs", "lpm"] as const) {
    for (const numTokens of [23, 24, 25, 100]) {
      const world = new World({ schedulePolicy, contextLength: 256 });
      const prompt = tokensOf(1, numTokens), numShared = Math.floor((numTokens - 1) / 4) * 4;
      const copies = submitBatch(world, { id: "b", prompts: [prompt], n: 8, sampling });
      world.drain();
      assert.deepEqual(
        [...promptRows(world).values()],
        [numTokens, ...new Array(7).fill(numTokens - numShared)],
      );
      assert.deepEqual(copies.map(cachedOf), [0, ...new Array(7).fill(numShared)]);
      for (const { tokens } of copies) assert.deepEqual(tokens, world.truth(prompt, 3));
    }
  }
});

Deno.test("copies: each prompt of a batch is computed once, and prompts do not wait for each other", () => {
  const world = new World({ contextLength: 256 });
  submitBatch(world, { id: "b", prompts: [tokensOf(1, 14), tokensOf(2, 14)], n: 2, sampling });
  const started = world.step()!.forward.starts.map(({ requestId }) => requestId);
  assert.deepEqual(started, ["b0-0", "b1-0"]);
  world.drain();
  assert.deepEqual([...promptRows(world)], [["b0-0", 14], ["b1-0", 14], ["b0-1", 2], ["b1-1", 2]]);
});

Deno.test("copies: who comes later does not wait for those that wait for their prompt", () => {
  const world = new World({ chunkedPrefillSize: 64, maxRows: 80 });
  submitBatch(world, { id: "b", prompts: [tokensOf(1, 30)], n: 3, sampling, client: "a" });
  for (const [i, client] of ["a", "a", "b"].entries()) {
    world.submit(`later${i}`, tokensOf(2 + i, 4), { maxTokens: 1 }, { client });
  }
  world.drain();
  const starts = world.steps.flatMap(({ forward }) => forward.starts.map(({ requestId }) => requestId));
  assert.deepEqual(starts, ["b0-0", "later2", "later0", "later1", "b0-1", "b0-2"], "clients take turns");
});

Deno.test("copies: nobody waits where nothing is shared", () => {
  const all = ["b0-0", "b0-1", "b0-2"];
  const first = (
    config: Partial<SchedulerConfig>,
    numTokens: number,
    params: Partial<SamplingParams> = {},
  ) => {
    const world = new World(config);
    submitBatch(world, {
      id: "b",
      prompts: [tokensOf(1, numTokens)],
      n: 3,
      sampling: { ...sampling, ...params },
    });
    const { starts } = world.step()!.forward;
    world.drain();
    return starts.map(({ requestId }) => requestId);
  };
  assert.deepEqual(first({ disableRadixCache: true }, 10), all);
  assert.deepEqual(first({}, 4), all, "shorter than a page and a token");
  assert.deepEqual(first({ maxOutputs: 64 }, 10, { promptLogprobStart: 0 }), all, "logprobs need all rows");
  const world = new World();
  world.submit("before", tokensOf(1, 10), { maxTokens: 1 });
  world.drain();
  submitBatch(world, { id: "b", prompts: [tokensOf(1, 10)], n: 3, sampling });
  assert.equal(world.step()!.forward.starts.length, 3, "all of it is in the cache");
});

Deno.test("copies: the next one goes on where the first is cancelled or preempted", () => {
  const prompt = tokensOf(1, 30);
  for (const isInFlight of [true, false]) {
    const world = new World({ chunkedPrefillSize: 8 });
    const copies = submitBatch(world, { id: "b", prompts: [prompt], n: 3, sampling });
    if (isInFlight) world.begin();
    else world.step();
    world.cancel("b0-0");
    world.drain();
    assert.deepEqual(copies.map(({ end }) => end), ["abort", "length", "length"]);
    assert.deepEqual([...promptRows(world).values()], [8, 22, 2], "what was computed is kept");
  }
  const world = new World({ chunkedPrefillSize: 8 });
  const copies = submitBatch(world, { id: "b", prompts: [prompt], n: 3, sampling });
  world.step();
  world.pause("retract");
  world.cancel("b0-0");
  world.resume();
  world.drain();
  assert.deepEqual(copies.slice(1).map(({ tokens }) => tokens), [
    world.truth(prompt, 3),
    world.truth(prompt, 3),
  ]);
});

const histories = fc.array(
  fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant("submit" as const),
        n: fc.integer({ min: 1, max: 5 }),
        lengths: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 2 }),
        client: fc.constantFrom("a", "b"),
        promptLogprobStart: fc.constantFrom(-1, -1, 0),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("cancel" as const), nth: fc.nat({ max: 30 }) }) },
    { weight: 4, arbitrary: fc.constant({ type: "step" as const }) },
    { weight: 1, arbitrary: fc.constant({ type: "retract" as const }) },
  ),
  { minLength: 10, maxLength: 60, size: "max" },
);

Deno.test("copies: whatever is cancelled and preempted, all end with the model's tokens", () => {
  let numPreemptions = 0, numCached = 0;
  const configs = fc.record({
    numPages: fc.integer({ min: 10, max: 40 }),
    schedulePolicy: fc.constantFrom("fcfs" as const, "lpm" as const),
    maxRunningRequests: fc.integer({ min: 1, max: 6 }),
    chunkedPrefillSize: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(configs, histories, (config, history) => {
      const world = new World(config, { reserveRatio: 0 });
      history.forEach((action, i) => {
        const { type } = action;
        if (type === "submit") {
          const prompts = action.lengths.map((length, j) => tokensOf(2 * i + j, length));
          const { n, client, promptLogprobStart } = action;
          submitBatch(world, {
            id: `b${i}.`,
            prompts,
            n,
            client,
            sampling: { maxTokens: 6, ignoreEos: true, promptLogprobStart },
          });
        } else if (type === "cancel") {
          const id = [...world.clients.keys()][action.nth];
          if (id !== undefined) world.cancel(id);
        } else if (type === "retract") {
          world.pause("retract");
          world.resume();
        } else {
          world.step();
        }
      });
      world.drain();
      for (const { prompt, tokens, end } of world.clients.values()) {
        if (end === "length") assert.deepEqual(tokens, world.truth(prompt, tokens.length));
        else assert.ok(end === "abort" || end === "overloaded", end);
      }
      numPreemptions += world.state.numPreemptions;
      numCached += world.state.cachedTokens;
    }),
    { numRuns: 100 },
  );
  assert.ok(numPreemptions > 100 && numCached > 1000, `${numPreemptions} preemptions, ${numCached} cached`);
});
