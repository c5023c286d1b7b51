/**
 * Slices of the outputs: logits exist 256 rows at a time, and every token is drawn as if they all existed at once.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Context } from "../../ffi/context.ts";
import * as ops from "../../ffi/ops.ts";
import { SamplerArrays } from "../../ffi/sampler.ts";
import { rowsAt } from "../support/batches.ts";
import { randomRow, seededRandom } from "../support/block_formats.ts";
import { assertSameBits } from "../support/close.ts";
import { refuses, Status } from "../support/misuse.ts";
import { mapBytes, normals, readRows, tensorOf } from "../support/native.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { addDraw } from "../support/samplers.ts";

const COLS = 64, VOCAB = 150, SLICE = 256, TOP = 2;

/** Draws for `count` outputs with the LM head in slices or not; and the logits that are left. */
function draw(context: Context, scope: "outputs" | "outputSlice", format: "Q8_0" | "BF16", count: number) {
  const random = seededRandom(3);
  const stored = Array.from({ length: VOCAB }, () => randomRow(format, COLS, random));
  const file = mapBytes(context, new Uint8Array(stored.flatMap((row) => [...row])));
  const weight = context.createWeight(VOCAB, COLS);
  context.appendWeight(weight, { file, offset: 0, format }, VOCAB, 0);
  context.packWeight(weight, "bfloat16");
  const norm = tensorOf(context, normals(random, COLS), COLS);
  const bias = tensorOf(context, normals(random, VOCAB), VOCAB);
  const batch = context.createBatch({ rows: 700, segments: 1, pages: 1, outputs: 700 });
  const hidden = context.batchTensor(batch, "rows", COLS);
  const last = context.batchTensor(batch, "outputs", COLS),
    normed = context.batchTensor(batch, "outputs", COLS);
  const logits = context.batchTensor(batch, scope, VOCAB);
  const sampler = new SamplerArrays(context, 700, VOCAB, TOP);
  const graph = context.record(() => {
    ops.gatherOutputs(context, last, hidden, batch);
    ops.rmsNorm(context, normed, last, norm, 1e-5);
    ops.linear(context, logits, normed, weight);
    ops.addBias(context, logits, bias);
    sampler.forward(logits);
  });
  const rows = Array.from({ length: count }, (_, i) => i);
  context.writeTensor(hidden, normals(random, count * COLS), 0, count);
  context.writeBatch(batch, rowsAt(rows, { outputs: rows.toReversed() }));
  for (const i of rows) {
    const queries = Array.from({ length: i % 3 }, (_, n) => (i + n) % VOCAB);
    addDraw(sampler, {
      temperature: i % 3,
      seed: 7,
      position: i,
      numTop: TOP,
      queries,
      reportsRank: i % 2 === 0,
    });
  }
  sampler.write();
  // Twice: what a launch leaves behind must not show.
  for (let i = 0; i < 2; i++) context.run(graph);
  sampler.read(count);
  const { tokens, logprobs, topTokens, topLogprobs, ranks } = sampler;
  const queried = rows.flatMap((i) => Array.from({ length: i % 3 }, (_, n) => sampler.queryLogprob(i, n)));
  assert.ok(queried.every((logprob) => logprob < 0));
  const results = { tokens, logprobs, topTokens, topLogprobs, ranks, queried };
  const numLeft = scope === "outputs" ? count : (count - 1) % SLICE + 1;
  return { results, left: readRows(context, logits, numLeft, VOCAB) };
}

testEachBackend("outputs in slices are drawn as they are without, bit for bit", (context) => {
  for (const format of ["Q8_0", "BF16"] as const) {
    for (const count of [1, 255, 256, 257, 512, 700]) {
      const sliced = draw(context, "outputSlice", format, count),
        whole = draw(context, "outputs", format, count);
      const label = `${format}, ${count} outputs`;
      assert.deepEqual(sliced.results, whole.results, label);
      assertSameBits(sliced.left, whole.left.slice(-sliced.left.length), label);
    }
  }
});

/** A batch with outputs, written with `count` of them. */
function outputs(context: Context, count: number) {
  const batch = context.createBatch({ rows: 300, segments: 1, pages: 1, outputs: 300 });
  const rows = Array.from({ length: count }, (_, i) => i);
  context.writeBatch(batch, rowsAt(rows, { outputs: rows }));
  return batch;
}
refuses(
  "an op by itself on several slices",
  ({ context }) => {
    const batch = outputs(context, 257);
    ops.siluMul(
      context,
      context.batchTensor(batch, "outputSlice", 2),
      context.batchTensor(batch, "outputs", 4),
    );
  },
  Status.badShape,
  /silu_mul: 257 outputs are several slices, which only a graph runs/,
);
refuses(
  "reading a slice that other ops cut off from those that wrote it",
  ({ context }) => {
    const batch = outputs(context, 1), x = context.batchTensor(batch, "outputs", 8);
    const slice = context.batchTensor(batch, "outputSlice", 4),
      half = context.batchTensor(batch, "outputSlice", 2);
    const other = context.createTensor(1, 1), wide = context.createTensor(1, 2);
    context.record(() => {
      ops.siluMul(context, slice, x);
      ops.siluMul(context, other, wide);
      ops.siluMul(context, half, slice);
    });
  },
  Status.unsupported,
  /silu_mul: reads a slice of the outputs that the ops right before it did not write/,
);
refuses(
  "all outputs made of a slice",
  ({ context }) => {
    const batch = outputs(context, 1);
    ops.siluMul(
      context,
      context.batchTensor(batch, "outputs", 2),
      context.batchTensor(batch, "outputSlice", 4),
    );
  },
  Status.badShape,
  /silu_mul: the tensors do not follow the same rows/,
);
