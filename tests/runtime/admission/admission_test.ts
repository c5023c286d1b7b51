import assert from "node:assert/strict";
import type { Failed } from "../../../runtime/messages/engine_scheduler.ts";
import type { Client } from "../../support/scheduler_client.ts";
import { World } from "../../support/scheduler_world.ts";

const tokens = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

function errorOf({ last }: Client): Failed["error"] {
  assert.equal(last?.type, "failed");
  return (last as Failed).error;
}

function cachedTokensOf({ last }: Client): number | undefined {
  return last?.type === "finished" ? last.usage.numCachedTokens : undefined;
}

Deno.test("what can never run is refused at once", () => {
  const world = new World({ contextLength: 40, numPages: 8, pageSize: 4 });
  const tooLong = errorOf(world.submit("long", tokens(40)));
  assert.equal(tooLong.code, "invalid_request");
  assert.match(
    tooLong.message,
    /The input \(40 tokens\) is longer than the model's context length \(40 tokens\)/,
  );
  assert.equal(tooLong.details.param, "prompt");
  assert.match(
    errorOf(world.submit("big", tokens(32))).message,
    /The input \(32 tokens\) is too long for the KV pool \(32 tokens\)/,
  );
  assert.equal(errorOf(world.submit("empty", [])).code, "invalid_request");
  assert.equal(world.begin(), undefined);
});

Deno.test("an id can be used again, but not while it lives", () => {
  const world = new World();
  world.submit("twin", [1], { maxTokens: 1 });
  const { message } = errorOf(world.submit("twin", [2]));
  assert.equal(message, "Duplicate request ID: twin");
  world.step();
  assert.equal(world.submit("twin", [3], { maxTokens: 1 }).last, undefined);
});

Deno.test("generation ends where the context does", () => {
  const world = new World({ contextLength: 20 });
  const client = world.submit("a", tokens(15), { maxTokens: 100, ignoreEos: true });
  world.drain();
  assert.equal(client.tokens.length, 5);
  assert.deepEqual(client.last?.type === "finished" && client.last.reason, { type: "length", length: 5 });
});

Deno.test("a full queue refuses requests and says when to come again", () => {
  const world = new World({ maxRunningRequests: 2, maxQueuedRequests: 1 });
  for (const [i, maxTokens] of [2000, 50, 50].entries()) {
    world.submit(`r${i}`, [i + 1], { maxTokens, ignoreEos: true });
  }
  const early = errorOf(world.submit("early", [9], {}, { client: "early" }));
  assert.equal(early.code, "overloaded");
  assert.ok(Number(early.details.retryAfterMs) >= 1000, "a guess, before anything was measured");
  world.forwardMs = () => 100;
  for (let i = 0; i < 30; i++) world.step();
  // 20 tokens to go for one of them.
  const retryAfterMs = () => Number(errorOf(world.submit("late", [9])).details.retryAfterMs);
  const told = retryAfterMs();
  assert.ok(told > 1800 && told <= 2000, `${told}`);
  // The other has as many left as the context: a client that asks twice gets the time when there is room for both.
  const toldNext = retryAfterMs();
  assert.ok(toldNext > 9000 && toldNext <= 10_000, `${toldNext}`);
  for (let i = 0; i < 21; i++) world.step();
  assert.equal(world.submit("later", [9]).last, undefined);
});

Deno.test("a repeated prompt is computed from its last page on", () => {
  for (const [pageSize, numCached] of [[1, 999], [16, 992], [64, 960]] as const) {
    const world = new World({ pageSize, numPages: 4096 / pageSize, contextLength: 2048 });
    world.submit("first", tokens(1000), { maxTokens: 1 });
    world.drain();
    const second = world.submit("second", tokens(1000), { maxTokens: 1 });
    world.drain();
    assert.equal(cachedTokensOf(second), numCached);
    assert.deepEqual(second.tokens, world.client("first").tokens);
    const { promptTokens, cachedTokens } = world.state;
    assert.deepEqual({ promptTokens, cachedTokens }, { promptTokens: 2000, cachedTokens: numCached });
  }
});

Deno.test("a prefix is found by the same cache key only", () => {
  const world = new World({ pageSize: 4 });
  const cached = (requestId: string, of: { cacheKey?: string }) => {
    const client = world.submit(requestId, tokens(20), { maxTokens: 4 }, of);
    world.drain();
    return cachedTokensOf(client);
  };
  assert.deepEqual(
    [{}, { cacheKey: "a" }, { cacheKey: "b" }, { cacheKey: "a" }, {}].map((of, i) => cached(`r${i}`, of)),
    [0, 0, 0, 16, 16],
  );
});

Deno.test("without radix cache nothing is kept", () => {
  const world = new World({ disableRadixCache: true });
  world.submit("first", tokens(20), { maxTokens: 4 });
  world.drain();
  assert.equal(world.state.allocator.numFree, world.config.numPages);
  const second = world.submit("second", tokens(20), { maxTokens: 4 });
  world.drain();
  assert.equal(cachedTokensOf(second), 0);
});

Deno.test("a conversation goes on from its own answer", () => {
  const world = new World({ pageSize: 4 });
  const first = world.submit("first", tokens(10), { maxTokens: 10, ignoreEos: true });
  world.drain();
  const second = world.submit("second", [...tokens(10), ...first.tokens, 7], { maxTokens: 1 });
  world.drain();
  // 20 tokens, of which the last has no KV.
  assert.equal(cachedTokensOf(second), 16);
});

Deno.test("a prefix hit does not hide wanted prompt logprobs", () => {
  const world = new World({ pageSize: 4 });
  world.submit("first", tokens(20), { maxTokens: 1 });
  world.drain();
  const second = world.submit("second", tokens(20), { maxTokens: 1, promptLogprobStart: 10 });
  world.drain();
  assert.equal(cachedTokensOf(second), 8);
  assert.deepEqual(second.promptLogprobs?.map(({ token }) => token), tokens(20).slice(10));
});

Deno.test("unused cached pages make room for a new request", () => {
  const world = new World({ numPages: 6, pageSize: 4 });
  world.submit("old", tokens(19), { maxTokens: 2, ignoreEos: true });
  world.drain();
  assert.equal(world.state.cache.numEvictable, 5);
  const client = world.submit("new", tokens(20).reverse(), { maxTokens: 2, ignoreEos: true });
  world.drain();
  assert.equal(client.end, "length");
});

Deno.test("the longer nobody is preempted, the fewer pages are kept free", () => {
  const world = new World({ numPages: 40, pageSize: 1, contextLength: 1100 });
  const room = () => {
    world.submit("a", [1], { maxTokens: 30, ignoreEos: true });
    world.submit("b", [2], { maxTokens: 30, ignoreEos: true });
    world.begin();
    world.end();
    const numRunning = world.step()!.forward.segments.length;
    for (const requestId of ["a", "b"]) world.cancel(requestId);
    return numRunning;
  };
  assert.equal(room(), 1);
  for (let i = 0; i < 20; i++) {
    world.submit("c", [3], { maxTokens: 30, ignoreEos: true });
    world.drain();
  }
  assert.equal(room(), 2);
});

Deno.test("the more conservative, the more pages are kept free for those that run", () => {
  const numAdmitted = (scheduleConservativeness: number) => {
    const world = new World({ numPages: 48, pageSize: 1, scheduleConservativeness });
    for (const i of [1, 2, 3, 4]) world.submit(`r${i}`, [i], { maxTokens: 18, ignoreEos: true });
    const { numPrefilling } = world.step()!;
    world.drain();
    return { numPrefilling, numPreemptions: world.state.numPreemptions };
  };
  assert.deepEqual(numAdmitted(100), { numPrefilling: 2, numPreemptions: 0 }, "72 tokens to come, 48 slots");
  assert.deepEqual(numAdmitted(1), { numPrefilling: 3, numPreemptions: 1 });
  assert.equal(numAdmitted(0).numPrefilling, 4, "as if nobody went on generating");
});

Deno.test("who would soon be preempted waits, and nobody overtakes", () => {
  const world = new World({ numPages: 10, pageSize: 4 });
  world.submit("running", tokens(8), { maxTokens: 20, ignoreEos: true });
  world.submit("large", [50, ...tokens(20)], { maxTokens: 4, ignoreEos: true });
  world.submit("small", [60], { maxTokens: 1 });
  world.step();
  assert.equal(world.state.running.length, 1, "2 pages used, 6 needed, and both will grow");
  assert.equal(world.state.waiting.first?.requestId, "large");
  world.drain();
  assert.equal(world.state.numPreemptions, 0);
});
