import assert from "node:assert/strict";
import { chooseThreads } from "../../../runtime/models/thread_choice.ts";

Deno.test("chooseThreads: takes all threads while they help", () => {
  assert.equal(chooseThreads(8, (threads) => 16 / threads), 8);
});

Deno.test("chooseThreads: takes fewer where more are clearly slower", () => {
  const ms: Record<number, number> = { 8: 9, 4: 4, 2: 5, 1: 8 };
  assert.equal(chooseThreads(8, (threads) => ms[threads]!), 4);
});

Deno.test("chooseThreads: near ties go to more threads", () => {
  assert.equal(chooseThreads(2, (threads) => threads === 2 ? 1 : 0.97), 2);
});

Deno.test("chooseThreads: one slow trial does not decide", () => {
  let numCalls = 0;
  assert.equal(chooseThreads(2, (threads) => threads === 2 ? (++numCalls === 3 ? 50 : 1) : 2), 2);
});
