/**
 * Pauses lose nothing and change no token.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { PauseMode } from "../../../runtime/contracts/scheduler_settings.ts";
import { chainOf } from "../../../runtime/contracts/draft_tree.ts";
import { fixedDrafting } from "../../support/scheduler_actor.ts";
import { World } from "../../support/scheduler_world.ts";

const long = { maxTokens: 20, ignoreEos: true };
const prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9];

function startTwo(world: World): void {
  world.submit("a", prompt, long);
  world.submit("b", [...prompt, 3], long);
  for (let i = 0; i < 4; i++) world.step();
}

function checkTruth(world: World): void {
  for (const [requestId, { prompt, tokens }] of world.clients) {
    assert.deepEqual(tokens, world.truth(prompt, tokens.length), requestId);
  }
}

Deno.test("pausing: in place nobody gets a step and who comes waits, until it is over", () => {
  const world = new World();
  startTwo(world);
  const { running, waiting } = world.state;
  world.pause("in_place");
  world.submit("c", prompt, long);
  assert.equal(world.step(), undefined);
  assert.deepEqual([running.length, waiting.size], [2, 1]);
  assert.ok(!world.flush(), "their pages are in use");
  world.resume();
  world.drain();
  checkTruth(world);
  assert.deepEqual([...world.clients.values()].map(({ tokens }) => tokens.length), [20, 20, 20]);
});

Deno.test("pausing: retraction gives all pages back, and those that ran go on first, exactly as before", () => {
  const world = new World();
  startTwo(world);
  const numSoFar = world.client("a").tokens.length;
  world.submit("c", prompt, long);
  world.pause("retract");
  const { running, waiting, config, allocator } = world.state;
  assert.deepEqual([running.length, waiting.size, waiting.numPreempted], [0, 3, 2]);
  assert.ok(world.flush(), "the cache can be emptied");
  assert.equal(allocator.numFree, config.numPages);
  assert.equal(world.step(), undefined);
  world.resume();
  assert.deepEqual(world.step()?.sequences.slice(0, 2).map(({ requestId }) => requestId), ["a", "b"]);
  world.drain();
  checkTruth(world);
  assert.ok(world.client("a").tokens.length > numSoFar);
});

Deno.test("pausing: to abort ends those that run and wait, and the next one waits", () => {
  const world = new World({ maxRunningRequests: 1 });
  startTwo(world);
  world.pause("abort");
  for (const requestId of ["a", "b"]) {
    const { last } = world.client(requestId);
    assert.ok(last?.type === "finished" && last.reason.type === "abort", requestId);
  }
  world.submit("c", prompt, long);
  assert.equal(world.step(), undefined);
  world.resume();
  world.drain();
  assert.equal(world.client("c").tokens.length, 20);
});

Deno.test("pausing: a step under way ends first, with its tokens", () => {
  for (const mode of ["retract", "abort", "in_place"] as const) {
    const world = new World();
    startTwo(world);
    const before = world.client("a").tokens.length;
    world.begin();
    world.pause(mode);
    world.end();
    assert.equal(world.client("a").tokens.length, before + (mode === "abort" ? 0 : 1), mode);
    assert.equal(world.state.running.length, mode === "in_place" ? 2 : 0, mode);
    assert.equal(world.step(), undefined, mode);
    world.resume();
    world.drain();
    checkTruth(world);
  }
});

Deno.test("pausing: whenever it comes, with drafts or without, nothing is lost and no token changes", () => {
  const event = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("begin" as const, "end" as const, "draft" as const) },
    { weight: 2, arbitrary: fc.constantFrom<PauseMode>("retract", "in_place") },
    { weight: 2, arbitrary: fc.constant("resume" as const) },
    { weight: 2, arbitrary: fc.constant("submit" as const) },
  );
  fc.assert(fc.property(fc.array(event, { maxLength: 80 }), fc.boolean(), (events, drafts) => {
    const makeTree = (_: unknown, truth: readonly number[]) =>
      chainOf(Int32Array.from(truth.slice(0, 2)), Float32Array.from(truth.slice(0, 2), () => 0.9));
    const world = new World(
      { numPages: 40, ...(drafts && { drafting: fixedDrafting }) },
      { reserveRatio: 0, ...(drafts && { makeTree }) },
    );
    let numRequests = 0;
    for (const event of events) {
      if (event === "submit") world.submit(`r${numRequests++}`, [...prompt, numRequests], long);
      else if (event === "begin") world.begin();
      else if (event === "end") world.end();
      else if (event === "draft") world.draft();
      else if (event === "resume") world.resume();
      else world.pause(event);
    }
    world.resume();
    world.drain();
    checkTruth(world);
    for (const [requestId, { tokens }] of world.clients) assert.equal(tokens.length, 20, requestId);
  }));
});
