import assert from "node:assert/strict";
import type { Clock } from "../../../runtime/actor/clock.ts";
import { measureContext, measureCurve, measureDrafts } from "../../../runtime/speculation/measure.ts";
import type { DraftRequest } from "../../../runtime/speculation/proposer.ts";
import type { SpeculationConfig } from "../../../runtime/contracts/speculation_config.ts";

Deno.test("a curve has the fastest trial of each size, the first not counted, and never a smaller size above a larger", () => {
  const base: Record<number, number> = { 1: 8, 2: 6, 4: 7 }, numTrials = new Map<number, number>();
  const curve = measureCurve([1, 2, 4], (size) => {
    const trial = numTrials.get(size) ?? 0;
    numTrials.set(size, trial + 1);
    return trial === 0 ? 1 : base[size]! + (trial === 2 ? 0 : 1 + trial);
  });
  assert.deepEqual(curve, { sizes: [1, 2, 4], ms: [6, 6, 7] });
});

Deno.test("sizes are tried by turns: a slow moment corrupts none of them", () => {
  let numTrials = 0;
  const curve = measureCurve([1, 2, 4, 8], (size) => {
    // All the trials of one size, if they came together.
    const isSlow = numTrials >= 4 && numTrials < 12;
    numTrials++;
    return isSlow ? 100 : size;
  });
  assert.deepEqual(curve.ms, [1, 2, 4, 8]);
});

Deno.test("what a context adds is told apart by sequence and by row, noise above the fastest aside", () => {
  let numTrials = 0;
  const { perSequence, perRow } = measureContext(8, 500, (numRows, start) => {
    const noise = numTrials++ % 3 === 0 ? 5 : 0;
    return 10 + numRows + start * (0.002 + 0.001 * numRows) + noise;
  });
  assert.ok(Math.abs(perSequence - 0.002) < 1e-9, `${perSequence}`);
  assert.ok(Math.abs(perRow - 0.001) < 1e-9, `${perRow}`);
});

Deno.test("what drafts cost is told apart by sequences, by levels and by the tokens that the drafter is told", () => {
  let now = 0, numPagesSeen = 0;
  const known = new Set<string>();
  const proposer = {
    propose(requests: readonly DraftRequest[]) {
      for (const { tokens, pages, numSteps } of requests) {
        // As proposers do, it knows what it has read, by pages.
        const prompt = tokens.length >= 16 ? tokens.join() : "", isKnown = known.has(prompt);
        if (prompt) known.add(prompt);
        assert.ok(tokens.length + numSteps <= 16 * pages.length, "room for all");
        numPagesSeen = Math.max(numPagesSeen, ...pages.map((page) => page + 1));
        now += 0.1 * (isKnown ? 0 : tokens.length) + 2 * (numSteps - 1);
      }
      now += 3;
      return [];
    },
    numRead: () => 0,
    release() {},
    [Symbol.dispose]() {},
  };
  const speculation = { numSteps: 4, topk: 2, numDraftTokens: 8 } as SpeculationConfig;
  for (const numPages of [100, 4]) {
    const limits = { maxSequences: 8, numPages, pageSize: 16, contextLength: 1024 };
    const { firstMs, levelMs, tokenMs } = measureDrafts(proposer, speculation, limits, {
      now: () => now,
    } as Clock);
    assert.ok(Math.abs(tokenMs - 0.1) < 1e-9, `${tokenMs}`);
    firstMs.sizes.forEach((size, i) => {
      assert.ok(Math.abs(firstMs.ms[i]! - (3 + 0.2 * size)) < 1e-9);
      assert.ok(Math.abs(levelMs.ms[i]! - 2 * size) < 1e-9);
    });
    assert.ok(numPagesSeen <= numPages);
    numPagesSeen = 0;
    known.clear();
  }
});

Deno.test("no trial has more sequences than may run, however much effort it is worth", () => {
  let most = 0;
  const proposer = {
    propose(requests: readonly DraftRequest[]) {
      most = Math.max(most, requests.length);
      return [];
    },
    numRead: () => 0,
    release() {},
    [Symbol.dispose]() {},
  };
  const speculation = { numSteps: 4, topk: 2, numDraftTokens: 8 } as SpeculationConfig;
  for (const maxSequences of [1, 2]) {
    for (const effort of ["usual", "once"] as const) {
      const limits = { maxSequences, numPages: 100, pageSize: 16, contextLength: 1024 };
      measureDrafts(proposer, speculation, limits, { now: () => 0 } as Clock, effort);
      assert.equal(most, maxSequences, effort);
      most = 0;
    }
  }
});
