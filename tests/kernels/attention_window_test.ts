/**
 * Attention with a window, a soft cap and every head width: against float64, and bit for bit however rows come; the
 * latter on the CPU, on CUDA by `cuda/ops/attention_window_cases.cpp`.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Context } from "../../ffi/context.ts";
import {
  attended,
  attentionCase,
  type AttentionSequence,
  type AttentionShape,
  checkAttention,
  randomTree,
} from "../support/attention_cases.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertSameBits } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { lazily } from "../support/lazily.ts";
import { normals, testEachIsa } from "../support/native.ts";

const DTYPES = ["float32", "bfloat16", "float16"] as const;
const WINDOWS = [1, 15, 16, 17, 64, 256, 300, 5000];

const windowCases = lazily(() => {
  const random = seededRandom(71);
  return WINDOWS.flatMap((window, i) =>
    [0, 2].map((softCap, j) => {
      const group = 1 + (3 * i + j) % 7, numKvHeads = 1 + i % 2;
      const shape: AttentionShape = {
        numHeads: group * numKvHeads,
        numKvHeads,
        headDim: 16 * (1 + (i + j) % 3),
        pageSize: 16 << i % 2,
        dtype: DTYPES[(i + j) % 3]!,
        softCap,
        window,
      };
      const lines = [[0, 30], [530, 1], [255, 3], [20, 1]].map(([prefix, rows]) => ({
        prefix: prefix!,
        rows: rows!,
      }));
      const trees = [[3, 40], [250, 64], [0, 20]].map(([prefix, rows]) => randomTree(prefix!, rows!, random));
      return attentionCase(shape, [...lines, ...trees], random);
    })
  );
});

testEachBackend("attention in windows, with and without a cap: lines and trees", (context) => {
  for (const item of windowCases()) checkAttention(context, item);
});

const capCases = lazily(() => {
  const random = seededRandom(72);
  // Scores from far below the cap to far above it.
  return ([[50, 1], [50, 100], [3, 8], [0.1, 1]] as const).map(([softCap, sharpness]) =>
    attentionCase(
      { numHeads: 4, numKvHeads: 2, headDim: 32, pageSize: 16, dtype: "float32", softCap, sharpness },
      [{ prefix: 270, rows: 1 }, { prefix: 0, rows: 20 }, randomTree(250, 12, random)],
      random,
    )
  );
});

testEachBackend("attention with scores far below and above a cap", (context) => {
  for (const item of capCases()) checkAttention(context, item);
});

const widthCases = lazily(() => {
  const random = seededRandom(73);
  return Array.from({ length: 16 }, (_, i) => {
    const numKvHeads = 1 + i % 2;
    return attentionCase(
      {
        numHeads: numKvHeads * (1 + i * 5 % 13),
        numKvHeads,
        headDim: 16 * (i + 1),
        pageSize: 16,
        dtype: DTYPES[i % 3]!,
        window: i % 4 === 3 ? 20 : 0,
      },
      [{ prefix: 40 + i, rows: 2 }, randomTree(14, 5, random)],
      random,
    );
  });
});

testEachBackend("attention of every head width from 16 to 256", (context) => {
  for (const item of widthCases()) checkAttention(context, item);
});

const LAW_WINDOWS = [1, 17, 100, 260];

function lawShape(window: number): AttentionShape {
  return { numHeads: 5, numKvHeads: 1, headDim: 16, pageSize: 16, dtype: "bfloat16", softCap: 2, window };
}

/** q, k and v of so many tokens of a sequence. */
function tokensOf(shape: AttentionShape, count: number, seed: number): Float32Array<ArrayBuffer> {
  const cols = (shape.numHeads + 2 * shape.numKvHeads) * shape.headDim;
  return normals(seededRandom(seed), count * cols);
}

/** What the rows of one sequence get. */
function rowsFrom(
  context: Context,
  shape: AttentionShape,
  sequence: AttentionSequence,
  tokens: Float32Array<ArrayBuffer>,
): Float32Array {
  return attended(context, shape, [sequence], [tokens]);
}

testEachIsa("chunks, pages and neighbours change no bit of attention in a window", (context) => {
  for (const window of LAW_WINDOWS) {
    const shape = lawShape(window), cols = shape.numHeads * shape.headDim;
    const width = (shape.numHeads + 2 * shape.numKvHeads) * shape.headDim;
    const tokens = tokensOf(shape, 420, 81), mate = tokensOf(shape, 320, 82);
    const whole = rowsFrom(context, shape, { prefix: 0, rows: 420 }, tokens);
    for (const [prefix, rows] of [[0, 1], [0, 37], [255, 1], [256, 40], [270, 150], [419, 1]] as const) {
      const chunk = { prefix, rows }, seen = tokens.slice(0, (prefix + rows) * width);
      const expected = whole.subarray(prefix * cols, (prefix + rows) * cols);
      const what = `window ${window}, rows ${prefix} to ${prefix + rows}`;
      assertSameBits(rowsFrom(context, { ...shape, pageSize: 64 }, chunk, seen), expected, what);
      const beside = attended(context, shape, [{ prefix: 300, rows: 20 }, chunk], [mate, seen]);
      assertSameBits(beside.subarray(20 * cols), expected, `${what}, beside another`);
    }
  }
});

testEachIsa("a tree in a window is straight decoding, bit for bit", (context) => {
  let numDeep = 0;
  for (const window of LAW_WINDOWS) {
    for (const prefix of [0, 9, 230, 256]) {
      const shape = lawShape(window), cols = shape.numHeads * shape.headDim;
      const width = (shape.numHeads + 2 * shape.numKvHeads) * shape.headDim;
      // Half of the nodes go on where the last one ended, so that some paths are longer than the window.
      const parents = Array.from({ length: 60 }, (_, i) => i % 2 ? i - 1 : i - 3 < -1 ? -1 : i - 3);
      const tokens = tokensOf(shape, prefix + 60, 83 + prefix);
      const tree = rowsFrom(context, shape, { prefix, rows: 60, parents }, tokens);
      for (let node = 3; node < 60; node += 14) {
        const path: number[] = [];
        for (let at = node; at >= 0; at = parents[at]!) path.unshift(at);
        if (path.length > window) numDeep++;
        const straight = new Float32Array((prefix + path.length) * width);
        straight.set(tokens.subarray(0, prefix * width));
        path.forEach((at, i) =>
          straight.set(
            tokens.subarray((prefix + at) * width, (prefix + at + 1) * width),
            (prefix + i) * width,
          )
        );
        const line = { prefix: prefix + path.length - 1, rows: 1 };
        assertSameBits(
          rowsFrom(context, shape, line, straight),
          tree.subarray(node * cols, (node + 1) * cols),
          `window ${window}, prefix ${prefix}, node ${node}`,
        );
      }
    }
  }
  assert.ok(numDeep > 4, "some paths are longer than their window");
});
