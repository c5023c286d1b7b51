import assert from "node:assert/strict";
import { ThreadChoice } from "../../../runtime/models/thread_choice.ts";

/** Runs forwards of `numRows` rows that take `ms(threads)`; returns the threads of each. */
function run(
  choice: ThreadChoice,
  numRows: number,
  count: number,
  ms: (threads: number) => number,
): number[] {
  return Array.from({ length: count }, () => {
    const threads = choice.choose(numRows);
    choice.observe(numRows, ms(threads));
    return threads;
  });
}

const share = (chosen: readonly number[], threads: number) =>
  chosen.filter((other) => other === threads).length / chosen.length;

Deno.test("ThreadChoice: starts with all threads while they help", () => {
  const choice = new ThreadChoice(8);
  assert.equal(choice.calibrate((threads) => 16 / threads), 8);
  assert.equal(choice.choose(1), 8);
});

Deno.test("ThreadChoice: starts with fewer where more are clearly slower", () => {
  const ms: Record<number, number> = { 8: 9, 4: 4, 2: 5, 1: 8 };
  assert.equal(new ThreadChoice(8).calibrate((threads) => ms[threads]!), 4);
});

Deno.test("ThreadChoice: near ties and single slow trials do not cost threads at start", () => {
  assert.equal(new ThreadChoice(2).calibrate((threads) => threads === 2 ? 1 : 0.95), 2);
  let numCalls = 0;
  assert.equal(
    new ThreadChoice(2).calibrate((threads) => threads === 2 ? (++numCalls === 3 ? 50 : 1) : 2),
    2,
  );
});

Deno.test("ThreadChoice: never tries fewer threads on a quiet machine", () => {
  const choice = new ThreadChoice(2);
  choice.calibrate((threads) => 3 / threads);
  assert.deepEqual(new Set(run(choice, 1, 5000, (threads) => 3 / threads)), new Set([2]));
});

Deno.test("ThreadChoice: gives way while the machine is busy, and comes back", () => {
  const choice = new ThreadChoice(2);
  const quiet = (threads: number) => threads === 2 ? 1.6 : 2.8,
    busy = (threads: number) => threads === 2 ? 15 : 2.9;
  choice.calibrate(quiet);
  run(choice, 1, 100, quiet);
  assert.ok(share(run(choice, 1, 1000, busy), 1) > 0.95);
  assert.ok(share(run(choice, 1, 2000, quiet).slice(1000), 2) > 0.95);
});

Deno.test("ThreadChoice: looks again soon where looking costs little", () => {
  const choice = new ThreadChoice(2);
  // Long forwards beside a busy process: two threads are no better than one, but hardly worse.
  const quiet = (threads: number) => 200 / threads, busy = (threads: number) => threads === 2 ? 280 : 210;
  choice.calibrate(quiet);
  run(choice, 64, 100, quiet);
  assert.ok(share(run(choice, 64, 2000, busy).slice(100), 1) > 0.95);
  assert.ok(share(run(choice, 64, 200, quiet), 2) > 0.7);
});

Deno.test("ThreadChoice: forwards that slow down alike on any number of threads keep them all", () => {
  const choice = new ThreadChoice(2);
  let context = 1;
  const ms = (threads: number) => (1 + (context += 0.002)) / threads;
  choice.calibrate(ms);
  assert.ok(share(run(choice, 1, 5000, ms), 2) > 0.97);
});

Deno.test("ThreadChoice: row counts are learnt separately", () => {
  const choice = new ThreadChoice(2);
  const ms = (numRows: number) => (threads: number) => numRows === 1 ? (threads === 2 ? 9 : 3) : 64 / threads;
  choice.calibrate((threads) => 3 / threads);
  run(choice, 1, 40, (threads) => 3 / threads);
  run(choice, 64, 40, ms(64));
  assert.ok(share(run(choice, 1, 200, ms(1)).slice(100), 1) > 0.9);
  assert.equal(share(run(choice, 64, 200, ms(64)), 2), 1);
});
