/**
 * Pending draft tokens, by what the drafter reported to have read of a sequence and of those that share its pages.
 *
 * @module
 */
import assert from "node:assert/strict";
import { bookDraft, numPendingDraftTokens } from "../../../runtime/sequences/draft_extend.ts";
import type { Sequence } from "../../../runtime/sequences/sequence.ts";
import { World } from "../../support/scheduler_world.ts";

const PAGE_SIZE = 4;
const PROMPT = Array.from({ length: 17 }, (_, i) => 1 + i);

/** A request that decodes, after one step of its prompt. */
function start(world: World, requestId: string, prompt: readonly number[] = PROMPT): Sequence {
  world.submit(requestId, prompt, { maxTokens: 40, ignoreEos: true });
  world.step();
  return world.state.sequences.get(requestId)!;
}

const pending = (sequence: Sequence) => numPendingDraftTokens(sequence, PAGE_SIZE);

function book(sequence: Sequence, numDraftKv: number): void {
  bookDraft(sequence, { numDrafted: sequence.tokens.length, numDraftKv, pageSize: PAGE_SIZE });
}

Deno.test("before its first draft all tokens of a sequence are pending, afterwards those it got since", () => {
  const world = new World(), sequence = start(world, "a");
  assert.equal(pending(sequence), 18);
  book(sequence, 17);
  assert.equal(pending(sequence), 0);
  world.step();
  assert.equal(pending(sequence), 1);
});

Deno.test("whole pages that the drafter read for one sequence are not pending for another that shares them", () => {
  for (const [numDraftKv, numPages] of [[18, 4], [16, 4], [15, 3], [3, 0]] as const) {
    const world = new World(), first = start(world, "a");
    book(first, numDraftKv);
    const second = start(world, "b");
    assert.equal(second.numAttached, 4 * PAGE_SIZE);
    assert.equal(pending(second), 18 - numPages * PAGE_SIZE, `after ${numDraftKv} tokens`);
  }
});

Deno.test("it is known at once, whichever of two was there first, and after the end of the one it was read for", () => {
  const world = new World(), first = start(world, "a"), second = start(world, "b");
  book(first, 18);
  assert.equal(pending(second), 2);
  world.cancel("a");
  const third = start(world, "c");
  assert.equal(pending(third), 2);
});

Deno.test("pages that were generated and read are marked when they are shared, those that were not are not", () => {
  for (const isRead of [true, false]) {
    const world = new World(), first = start(world, "a");
    for (let i = 0; i < 8; i++) world.step();
    const tokens = [...first.tokens];
    book(first, isRead ? tokens.length : 16);
    world.cancel("a");
    const second = start(world, "b", [...tokens, 1]);
    const numShared = Math.floor((tokens.length - 1) / PAGE_SIZE);
    assert.equal(second.numAttached, numShared * PAGE_SIZE);
    assert.equal(pending(second), second.tokens.length - PAGE_SIZE * (isRead ? numShared : 4));
  }
});

Deno.test("a page that is evicted and filled again was not read", () => {
  const world = new World(), first = start(world, "a");
  book(first, 18);
  world.cancel("a");
  assert.ok(world.flush());
  assert.equal(pending(start(world, "b")), 18);
});
