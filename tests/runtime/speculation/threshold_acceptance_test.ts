import assert from "node:assert/strict";
import {
  acceptByThreshold,
  filteredProbabilities,
  uniformOf,
} from "../../../runtime/speculation/threshold_acceptance.ts";

const CHILDREN = [{ token: 0, probability: 0.4 }, { token: 1, probability: 0.2 }];
const TARGET = [0.4, 0.2, 0.25, 0.15];

/** How often each token comes out, the draws following `TARGET`. */
function shares(thresholds: { single: number; acc: number }): number[] {
  const counts = [0, 0, 0, 0], count = 40_000;
  for (let i = 0; i < count; i++) {
    let rest = uniformOf(1, i);
    const drawn = TARGET.findIndex((probability) => (rest -= probability) < 0);
    counts[acceptByThreshold(drawn, CHILDREN, thresholds, uniformOf(2, i))]!++;
  }
  return counts.map((times) => times / count);
}

const assertNear = (actual: readonly number[], expected: readonly number[]) =>
  actual.forEach((share, token) => assert.ok(Math.abs(share - expected[token]!) < 0.01, `${actual}`));

Deno.test("thresholds of 1 leave every draw as it is", () =>
  assertNear(shares({ single: 1, acc: 1 }), TARGET));

Deno.test("acc raises the share of the drafts to their probability divided by it", () => {
  const [first, second, ...others] = shares({ single: 1, acc: 0.8 });
  assert.ok(Math.abs(first! + second! - 0.6 / 0.8) < 0.01, `${first} ${second}`);
  assertNear(others, [0.25 * 0.25 / 0.4, 0.15 * 0.25 / 0.4]);
});

Deno.test("a draft of at least single's probability is always accepted, unless another was drawn", () => {
  assertNear(shares({ single: 0.3, acc: 1 }), [0.8, 0.2, 0, 0]);
  assertNear(shares({ single: 0.5, acc: 1 }), TARGET);
});

Deno.test("thresholds are held against what the filters leave", () => {
  const top = [0.5, 0.2, 0.1, 0.05].map((probability, token) => [token, Math.log(probability)] as const);
  const filtered = (topK: number, topP: number, minP: number) => {
    const kept = filteredProbabilities(top, { topK, topP, minP });
    return [0, 1, 2, 3].map((token) => Math.round(1000 * (kept.get(token) ?? 0)) / 1000);
  };
  assert.deepEqual(filtered(0, 1, 0), [0.5, 0.2, 0.1, 0.05]);
  assert.deepEqual(filtered(1, 1, 0), [1, 0, 0, 0]);
  assert.deepEqual(filtered(2, 1, 0), [0.714, 0.286, 0, 0]);
  assert.deepEqual(filtered(0, 0.6, 0), [0.714, 0.286, 0, 0]);
  assert.deepEqual(filtered(0, 0.9, 0), [0.556, 0.222, 0.111, 0.056], "the list is shorter than the nucleus");
  assert.deepEqual(filtered(0, 1, 0.3), [0.714, 0.286, 0, 0]);
});
