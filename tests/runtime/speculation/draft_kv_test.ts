/**
 * Draft KV of sequences: how much of it is filled, and which pages of others count.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DraftKv } from "../../../runtime/speculation/draft_kv.ts";
import { PageStamps } from "../../../runtime/speculation/page_stamps.ts";

const PAGE_SIZE = 4;

/** Appends tokens to a sequence's draft KV, as a request of its does. */
function append(draftKv: DraftKv, start: number, tokens: readonly number[], pages: readonly number[]): void {
  const numbers = { tokens: Int32Array.from(tokens), pages: Int32Array.from(pages) };
  draftKv.update({ requestId: "r", start, ...numbers, numSteps: 1, topk: 1, numNodes: 1 });
}

/** Runs all entries that a draft needs. */
function fillAll(draftKv: DraftKv): void {
  for (let entry = draftKv.nextEntry; entry < draftKv.numEntries; entry++) draftKv.fill(entry);
}

const TOKENS = [5, 6, 7, 8, 9, 10, 11, 12, 13];

for (const [numNextTokens, whose] of [[0, "a model"], [1, "a head"]] as const) {
  Deno.test(`${whose}: entries are filled up to the newest token but ${numNextTokens}, the last one anew`, () => {
    const draftKv = new DraftKv(numNextTokens, PAGE_SIZE, new PageStamps(8));
    append(draftKv, 0, TOKENS.slice(0, 6), [3, 1]);
    assert.deepEqual([draftKv.numFilled, draftKv.nextEntry], [0, 0]);
    fillAll(draftKv);
    assert.equal(draftKv.numFilled, 6 - numNextTokens);
    assert.equal(draftKv.nextEntry, draftKv.numFilled - 1);
    assert.equal(draftKv.tokenFor(2), TOKENS[2 + numNextTokens]);
    append(draftKv, 6, TOKENS.slice(6), [3, 1, 0]);
    fillAll(draftKv);
    assert.equal(draftKv.numFilled, TOKENS.length - numNextTokens);
  });

  Deno.test(`${whose}: full pages of the same tokens count for other sequences, up to the first that differs`, () => {
    const stamps = new PageStamps(8), pages = [2, 3, 4];
    const begin = (tokens: readonly number[]) => {
      const draftKv = new DraftKv(numNextTokens, PAGE_SIZE, stamps);
      append(draftKv, 0, tokens, pages);
      return draftKv;
    };
    fillAll(begin(TOKENS));
    assert.equal(begin([...TOKENS, 14]).numFilled, 8);
    assert.equal(begin(TOKENS.with(7, 1)).numFilled, 4);
    assert.equal(begin(TOKENS.with(0, 1)).numFilled, 0);
    // The token after a page is one that the last entry of the page depends on with a head.
    assert.equal(begin(TOKENS.with(8, 1)).numFilled, numNextTokens === 1 ? 4 : 8);
    const other = begin([1, 2, 3, 4, 5, 6, 7, 8]);
    other.fill(0);
    assert.equal(begin(TOKENS).numFilled, 0, "the first page is overwritten");
  });
}

Deno.test("tokens that were left out are refused", () => {
  const draftKv = new DraftKv(1, PAGE_SIZE, new PageStamps(8));
  append(draftKv, 0, TOKENS, [0, 1, 2]);
  assert.throws(() => append(draftKv, 10, [1], [0, 1, 2]), {
    name: "RangeError",
    message: "Cannot draft for r: tokens from 10, expected 9",
  });
});

Deno.test("whatever pages are shared and overwritten, what counts as filled holds draft KV of the same tokens", () => {
  const step = fc.record({
    tokens: fc.array(fc.nat(2), { minLength: 2, maxLength: 14 }),
    firstPage: fc.nat(3),
  });
  fc.assert(fc.property(fc.constantFrom(0 as const, 1 as const), fc.array(step), (numNextTokens, steps) => {
    const stamps = new PageStamps(8);
    /** What each slot was last computed from. */
    const slots: string[] = [];
    for (const { tokens, firstPage } of steps) {
      const draftKv = new DraftKv(numNextTokens, PAGE_SIZE, stamps);
      append(draftKv, 0, tokens, Array.from({ length: 4 }, (_, i) => firstPage + i));
      const inputOf = (entry: number) => tokens.slice(0, entry + numNextTokens + 1).join();
      const slotOf = (entry: number) => firstPage * PAGE_SIZE + entry;
      for (let entry = 0; entry < draftKv.numFilled; entry++) {
        assert.equal(slots[slotOf(entry)], inputOf(entry));
      }
      for (let entry = draftKv.nextEntry; entry < draftKv.numEntries; entry++) {
        slots[slotOf(entry)] = inputOf(entry);
        draftKv.fill(entry);
      }
    }
  }));
});
