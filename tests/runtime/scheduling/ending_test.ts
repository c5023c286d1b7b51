import assert from "node:assert/strict";
import { World } from "../../support/scheduler_world.ts";

const ENDLESS = { maxTokens: 100, ignoreEos: true };

Deno.test("a waiting request is cancelled at once, without a message to the verifier", () => {
  const world = new World({ maxRunningRequests: 1 });
  world.submit("running", [1], ENDLESS);
  const waiting = world.submit("waiting", [2], ENDLESS);
  world.begin();
  world.cancel("waiting");
  assert.equal(waiting.end, "abort");
  world.end();
  world.cancel("running");
  world.drain();
});

Deno.test("a request whose rows are in flight keeps its pages until they are back, and yields nothing more", () => {
  const world = new World();
  const client = world.submit("a", [1, 2, 3, 4, 5], ENDLESS);
  world.step();
  world.begin();
  const numFree = world.state.allocator.numFree;
  world.cancel("a");
  world.cancel("a");
  assert.equal(client.end, undefined);
  assert.equal(world.state.allocator.numFree, numFree);
  world.end();
  assert.equal(client.end, "abort");
  assert.equal(client.tokens.length, 1);
  assert.equal(client.last?.type === "finished" && client.last.usage.numCompletionTokens, 1);
  assert.equal(world.begin(), undefined);
});

Deno.test("between two steps a running request is cancelled at once", () => {
  const world = new World();
  const client = world.submit("a", [1], ENDLESS);
  world.step();
  world.cancel("a");
  assert.equal(client.end, "abort");
  assert.equal(world.begin(), undefined);
});

Deno.test("cancelling what has ended or never was does nothing", () => {
  const world = new World();
  const client = world.submit("a", [1], { maxTokens: 1 });
  world.drain();
  world.cancel("a");
  world.cancel("unknown");
  assert.equal(client.end, "length");
});

Deno.test("what a cancelled request computed serves the next one", () => {
  const world = new World({ pageSize: 4 });
  const prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  world.submit("a", prompt, ENDLESS);
  world.step();
  world.cancel("a");
  const next = world.submit("b", prompt, { maxTokens: 1 });
  world.drain();
  assert.equal(next.last?.type === "finished" && next.last.usage.numCachedTokens, 8);
});

Deno.test("flush empties the cache, but not while requests run or wait", () => {
  const world = new World();
  world.submit("a", [1, 2, 3, 4, 5], { maxTokens: 1 });
  assert.equal(world.flush(), false);
  world.begin();
  assert.equal(world.flush(), false);
  world.drain();
  assert.ok(world.state.cache.numEvictable > 0);
  assert.equal(world.flush(), true);
  assert.equal(world.state.cache.numEvictable, 0);
});
