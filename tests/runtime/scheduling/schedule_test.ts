import assert from "node:assert/strict";
import type { Step } from "../../../runtime/scheduling/state.ts";
import { World } from "../../support/scheduler_world.ts";

/** `count` tokens that no other seed shares. */
function tokensOf(seed: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => 1000 * seed + i + 1);
}

/** Who has how many rows, in the order of the segments. */
function rowsOf(step: Step | undefined): [requestId: string, numRows: number][] {
  return step!.forward.segments.map(({ requestId, tokens }) => [requestId, tokens.length]);
}

Deno.test("nothing to do is no step, and there is one step at a time", () => {
  const world = new World();
  assert.equal(world.begin(), undefined);
  world.submit("a", [1]);
  world.submit("b", [2]);
  assert.ok(world.begin());
  assert.equal(world.begin(), undefined);
  world.end();
  assert.ok(world.begin());
});

Deno.test("new requests share a forward, first come, first served", () => {
  const world = new World();
  world.submit("a", tokensOf(1, 5));
  world.submit("b", tokensOf(2, 3));
  assert.deepEqual(rowsOf(world.step()), [["a", 5], ["b", 3]]);
  assert.deepEqual(rowsOf(world.step()), [["a", 1], ["b", 1]]);
});

Deno.test("a long prompt is cut into chunks, and decodes go on beside it, first", () => {
  const world = new World({ chunkedPrefillSize: 8 });
  world.submit("short", tokensOf(1, 2), { maxTokens: 9, ignoreEos: true });
  world.step();
  world.submit("long", tokensOf(2, 20), { maxTokens: 2, ignoreEos: true });
  assert.deepEqual(rowsOf(world.step()), [["short", 1], ["long", 8]]);
  assert.deepEqual(rowsOf(world.step()), [["short", 1], ["long", 8]]);
  const last = world.step();
  assert.deepEqual(rowsOf(last), [["short", 1], ["long", 4]]);
  assert.deepEqual(world.steps.map((step) => step.forward.segments.at(-1)!.sample), [
    true,
    false,
    false,
    true,
  ]);
  assert.deepEqual(rowsOf(world.step()), [["short", 1], ["long", 1]]);
});

Deno.test("several prompts share a forward within --max-prefill-tokens, a single one is not bound by it", () => {
  const prompts = { a: 5, b: 4, c: 12, d: 3 };
  const world = new World({ maxPrefillTokens: 7 });
  for (const [i, [name, length]] of Object.entries(prompts).entries()) {
    world.submit(name, tokensOf(i + 1, length), { maxTokens: 1 });
  }
  const rows = [];
  for (let step; (step = world.step()) !== undefined;) rows.push(rowsOf(step));
  assert.deepEqual(rows, [[["a", 5], ["b", 2]], [["b", 2], ["c", 5]], [["c", 7]], [["d", 3]]]);

  const long = new World({ chunkedPrefillSize: 32, maxPrefillTokens: 7 });
  long.submit("long", tokensOf(1, 40), { maxTokens: 1 });
  long.submit("next", tokensOf(2, 3), { maxTokens: 1 });
  assert.deepEqual(rowsOf(long.step()), [["long", 32]]);
  assert.deepEqual(rowsOf(long.step()), [["long", 8]]);
  assert.deepEqual(rowsOf(long.step()), [["next", 3]]);
});

Deno.test("rows a finished prompt leaves over go to the next one", () => {
  const world = new World({ chunkedPrefillSize: 8 });
  world.submit("a", tokensOf(1, 10));
  world.submit("b", tokensOf(2, 10));
  assert.deepEqual(rowsOf(world.step()), [["a", 8]]);
  assert.deepEqual(rowsOf(world.step()), [["a", 2], ["b", 6]]);
  assert.deepEqual(rowsOf(world.step()), [["a", 1], ["b", 4]]);
});

Deno.test("decode rows do not count as prefill", () => {
  const world = new World({ chunkedPrefillSize: 4, maxRows: 6 });
  for (const [i, requestId] of ["a", "b"].entries()) {
    world.submit(requestId, tokensOf(i, 2), { ignoreEos: true });
  }
  world.step();
  world.submit("c", tokensOf(3, 9));
  assert.deepEqual(rowsOf(world.step()), [["a", 1], ["b", 1], ["c", 4]]);
});

Deno.test("at most maxRunningRequests run; a place that becomes free is taken in the next step", () => {
  const world = new World({ maxRunningRequests: 2 });
  world.submit("a", [1], { maxTokens: 1 });
  world.submit("b", [2], { maxTokens: 3, ignoreEos: true });
  world.submit("c", [3], { maxTokens: 3, ignoreEos: true });
  assert.deepEqual(rowsOf(world.step()), [["a", 1], ["b", 1]]);
  assert.deepEqual(rowsOf(world.step()), [["b", 1], ["c", 1]]);
});

Deno.test("no more sequences run than can all have a row and an output in one forward", () => {
  for (const limits of [{ maxOutputs: 2 }, { maxRows: 2 }]) {
    const world = new World(limits);
    for (const i of [1, 2, 3]) world.submit(`r${i}`, [i], { maxTokens: 2, ignoreEos: true });
    world.step();
    assert.deepEqual(rowsOf(world.step()), [["r1", 1], ["r2", 1]]);
    assert.deepEqual(rowsOf(world.step()), [["r3", 1]]);
  }
});

Deno.test("a chunk with wanted prompt logprobs takes no more rows than there are outputs", () => {
  const world = new World({ maxOutputs: 4 });
  const prompt = tokensOf(1, 15);
  const client = world.submit("a", prompt, { maxTokens: 2, promptLogprobStart: 6, ignoreEos: true });
  world.drain();
  // Rows 0 to 4 yield nothing; row p yields the logprob of token p + 1, the last one the first new token.
  assert.deepEqual(world.steps.map((step) => rowsOf(step)[0]![1]), [9, 4, 2, 1]);
  assert.deepEqual(client.promptLogprobs?.map(({ token }) => token), prompt.slice(6));
});

Deno.test("the logprob of the first prompt token is null, since nothing predicts it", () => {
  const world = new World();
  const client = world.submit("a", [7, 8, 9], { maxTokens: 1, promptLogprobStart: 0 });
  const none = world.submit("b", [7, 8, 9], { maxTokens: 1, promptLogprobStart: 3 });
  world.drain();
  assert.deepEqual(client.promptLogprobs?.map(({ token, logprob }) => [token, logprob]), [
    [7, null],
    [8, -1],
    [9, -1],
  ]);
  assert.deepEqual(none.promptLogprobs, []);
});
