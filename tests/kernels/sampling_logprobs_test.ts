/**
 * `aerie_sampler_adjust` and the logprobs of `aerie_sample`.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { SamplerAdjustments } from "../../ffi/sampler.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertEachClose } from "../support/close.ts";
import { normals, testEachIsa } from "../support/native.ts";
import { softmax } from "../support/reference.ts";
import { chiSquareExcess, drawRows } from "../support/samplers.ts";

interface Change {
  readonly token: number;
  readonly seen?: boolean;
  readonly count?: number;
  readonly bias?: number;
}

interface Penalties {
  readonly repetition?: number;
  readonly frequency?: number;
  readonly presence?: number;
}

function adjustmentsOf(
  changes: readonly (readonly Change[])[],
  penalties: readonly Penalties[],
): SamplerAdjustments {
  const rowStarts = [0];
  for (const row of changes) rowStarts.push(rowStarts.at(-1)! + row.length);
  const all = changes.flat();
  return {
    rowStarts: Int32Array.from(rowStarts),
    tokens: Int32Array.from(all, (change) => change.token),
    seen: Uint8Array.from(all, (change) => Number(change.seen ?? false)),
    counts: Int32Array.from(all, (change) => change.count ?? 0),
    bias: Float32Array.from(all, (change) => change.bias ?? 0),
    repetition: Float32Array.from(penalties, (row) => row.repetition ?? 1),
    frequency: Float32Array.from(penalties, (row) => row.frequency ?? 0),
    presence: Float32Array.from(penalties, (row) => row.presence ?? 0),
  };
}

testEachIsa("penalties and bias change the named logits of their row and no other", (context) => {
  const logits = [
    Float32Array.of(2, -2, 0, 1, 5),
    Float32Array.of(1, 1, 1, 1, 1),
    Float32Array.of(3, -3, 3, 0, 0),
  ];
  const changes = [
    [{ token: 0, seen: true, count: 3, bias: 0.5 }, { token: 1, seen: true }, { token: 3, bias: -1 }],
    [],
    [{ token: 0, seen: true, count: 1 }, { token: 1, seen: true, count: 2 }, { token: 4, bias: -Infinity }],
  ];
  const penalties = [
    { repetition: 2, frequency: 0.25, presence: 1 },
    { repetition: 9, frequency: 9, presence: 9 },
    { repetition: 1.5, frequency: -1, presence: -0.5 },
  ];
  const adjusted = drawRows(context, logits, [{}, {}, {}], adjustmentsOf(changes, penalties));
  const expected = [
    [2 / 2 - 3 * 0.25 - 1 + 0.5, -2 * 2, 0, 1 - 1, 5],
    [1, 1, 1, 1, 1],
    [3 / 1.5 + 1 + 0.5, -3 * 1.5 + 2 + 0.5, 3, 0, -Infinity],
  ];
  assert.deepEqual([...adjusted.logits], expected.flat());
  assert.deepEqual([...adjusted.tokens], [4, 0, 0]);
});

testEachIsa("adjustments count for one write of the sampler only and move draws and logprobs", (context) => {
  const logits = [Float32Array.of(0, 1, 2, 3)];
  const banned = adjustmentsOf([[{ token: 3, bias: -Infinity }, { token: 0, bias: 4 }]], [{}]);
  const row = { numTop: 4 };
  const changed = drawRows(context, logits, [row], banned);
  assert.deepEqual(changed.tokens[0], 0);
  assert.deepEqual(changed.top[0]!.map(([token]) => token), [0, 2, 1, 3]);
  const p = softmax([4, 1, 2, -Infinity]);
  assertEachClose(
    changed.top[0]!.slice(0, 3).map(([, value]) => value),
    [p[0]!, p[2]!, p[1]!].map(Math.log),
    2e-6,
    "top",
  );
  assert.equal(changed.top[0]![3]![1], -Infinity);
  assert.equal(drawRows(context, logits, [row]).tokens[0], 3);
});

testEachIsa("a banned token is never drawn, the rest keep their shares", (context) => {
  const logits = Float32Array.of(1, 0.5, 0, 3, -1, 0.2);
  const count = 2000;
  const rows = Array.from({ length: count }, (_, position) => ({ temperature: 1, seed: 5, position }));
  const ban = adjustmentsOf(rows.map(() => [{ token: 3, bias: -Infinity }]), rows.map(() => ({})));
  const { tokens } = drawRows(context, [logits], rows, ban);
  const p = softmax(logits.map((value, token) => token === 3 ? -Infinity : value));
  assert.ok(chiSquareExcess(tokens, p) < 4);
});

testEachIsa("logprobs are the log-softmax at the row's temperature", (context) => {
  const random = seededRandom(81);
  for (const vocabSize of [5, 16, 100, 4099]) {
    for (const temperature of [0, 0.5, 1, 2]) {
      const logits = normals(random, vocabSize).map((value) => 4 * value), numTop = Math.min(8, vocabSize);
      const scaled = Array.from(logits, (value) => value / (temperature || 1));
      const logprobs = softmax(scaled).map(Math.log), label = `${vocabSize} tokens at ${temperature}`;
      const drawn = drawRows(context, [logits], [{ temperature, numTop, seed: 3, position: 9 }]);
      assertEachClose([drawn.logprobs[0]!], [logprobs[drawn.tokens[0]!]!], 2e-6, label);
      const order = [...logprobs.keys()].sort((a, b) => logprobs[b]! - logprobs[a]!).slice(0, numTop);
      assert.deepEqual(drawn.top[0]!.map(([token]) => token), order, label);
      assertEachClose(
        drawn.top[0]!.map(([, value]) => value),
        order.map((token) => logprobs[token]!),
        2e-6,
        label,
      );
    }
  }
});

testEachIsa("a target is reported instead of drawn, alternatives tie towards the lower token", (context) => {
  const logits = Float32Array.of(1, 3, 3, 0, 3, 2);
  const rows = [
    { target: 3, numTop: 4 },
    { temperature: 1, target: 5, numTop: 0, seed: 1 },
    { target: 0 },
  ];
  const drawn = drawRows(context, [logits], rows);
  assert.deepEqual([...drawn.tokens], [3, 5, 0]);
  assert.deepEqual(drawn.top[0]!.map(([token]) => token), [1, 2, 4, 5]);
  const logprobs = softmax(logits).map(Math.log);
  assertEachClose(drawn.logprobs.subarray(0, 2), [logprobs[3]!, logprobs[5]!], 2e-6, "targets");
});
