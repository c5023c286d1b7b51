import assert from "node:assert/strict";
import fc from "fast-check";
import { inParts, Slices, toJson } from "../../../routes/answers/slices.ts";

/** Turns of the event loop that others get while `work` runs. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let numTurns = 0;
  const timer = setInterval(() => numTurns++, 0);
  await work();
  clearInterval(timer);
  return numTurns;
}

function busy(ms: number): void {
  for (const endMs = performance.now() + ms; performance.now() < endMs;);
}

Deno.test("slices: long work lets others have their turns", async () => {
  const slices = new Slices(), list = Array.from({ length: 1000 }, (_, i) => i);
  let converted: number[] = [];
  const numTurns = await turnsDuring(async () => {
    converted = await inParts(list, slices, (part) => {
      busy(6);
      return part.map((n) => 2 * n);
    });
  });
  assert.deepEqual(converted, list.map((n) => 2 * n));
  assert.ok(numTurns >= 5, `${numTurns} turns in 96 ms of work`);
});

Deno.test("slices: works under way at once do not add up to one long turn", async () => {
  let turn = 0, isOver = false;
  const next = () => {
    turn++;
    if (!isOver) setImmediate(next);
  };
  setImmediate(next);
  const numSlices = new Map<number, number>();
  await Promise.all(Array.from({ length: 8 }, async () => {
    const slices = new Slices();
    for (let i = 0; i < 5; i++) {
      busy(11);
      await slices.yieldTurn();
      numSlices.set(turn, 1 + (numSlices.get(turn) ?? 0));
    }
  }));
  isOver = true;
  assert.equal([...numSlices.values()].reduce((sum, count) => sum + count), 40);
  assert.ok(Math.max(...numSlices.values()) <= 2, JSON.stringify([...numSlices]));
});

Deno.test("slices: so does the JSON of a large answer", async () => {
  const entry = {
    get token() {
      busy(6);
      return "a";
    },
  };
  const value = { choices: [{ logprobs: { content: Array.from({ length: 16 }, () => entry) } }] };
  const numTurns = await turnsDuring(() => toJson(value, new Slices()));
  assert.ok(numTurns >= 5, `${numTurns} turns in 96 ms of work`);
});

Deno.test("slices: JSON is what JSON.stringify writes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.object({ maxDepth: 7, withNullPrototype: false, values: [fc.jsonValue(), fc.constant(undefined)] }),
      async (value) => assert.equal(await toJson(value, new Slices()), JSON.stringify(value)),
    ),
  );
  for (const value of [null, "a", [], {}, [undefined], [{}, undefined, 1], { a: undefined }]) {
    assert.equal(await toJson(value, new Slices()), JSON.stringify(value));
  }
});
