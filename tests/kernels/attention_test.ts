/**
 * `aerie_kv_store` and `aerie_attention` over paged KV: decode, chunks and trees against float64 over exactly the
 * entries a row may see.
 *
 * @module
 */
import {
  attentionCase,
  type AttentionShape,
  checkAttention,
  randomTree,
} from "../support/attention_cases.ts";
import { seededRandom } from "../support/block_formats.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { lazily } from "../support/lazily.ts";

const DECODE_LENGTHS = [1, 15, 16, 17, 255, 256, 257, 700];

const DECODE_SHAPES: readonly AttentionShape[] = [
  { numHeads: 3, numKvHeads: 3, headDim: 64, pageSize: 16, dtype: "float32" },
  { numHeads: 4, numKvHeads: 2, headDim: 80, pageSize: 32, dtype: "bfloat16" },
  { numHeads: 9, numKvHeads: 3, headDim: 64, pageSize: 16, dtype: "bfloat16" },
  { numHeads: 8, numKvHeads: 2, headDim: 128, pageSize: 64, dtype: "bfloat16" },
  { numHeads: 8, numKvHeads: 1, headDim: 16, pageSize: 64, dtype: "float32" },
  { numHeads: 16, numKvHeads: 1, headDim: 96, pageSize: 32, dtype: "float32", sharpness: 8 },
];
const FLOAT16_SHAPE: AttentionShape = {
  numHeads: 6,
  numKvHeads: 2,
  headDim: 80,
  pageSize: 16,
  dtype: "float16",
};

const decodeCases = lazily(() => {
  const random = seededRandom(61),
    sequences = DECODE_LENGTHS.map((length) => ({ prefix: length - 1, rows: 1 }));
  return [...DECODE_SHAPES, FLOAT16_SHAPE].map((shape) => attentionCase(shape, sequences, random));
});

testEachBackend("attention of single rows at many context lengths", (context) => {
  for (const item of decodeCases()) checkAttention(context, item);
});

const chunkCases = lazily(() => {
  const random = seededRandom(62);
  const sequences = [[0, 40], [250, 13], [16, 1], [5, 64], [300, 2], [0, 1]]
    .map(([prefix, rows]) => ({ prefix: prefix!, rows: rows! }));
  return [...DECODE_SHAPES.slice(1, 5), FLOAT16_SHAPE].map((shape) =>
    attentionCase(shape, sequences, random)
  );
});

testEachBackend("attention of causal chunks of several sequences", (context) => {
  for (const item of chunkCases()) checkAttention(context, item);
});

const treeCases = lazily(() => {
  const random = seededRandom(63);
  const trees = [
    ...[[0, 64], [1, 1], [7, 5], [15, 64], [16, 33], [17, 17], [200, 60], [250, 9], [256, 64]],
    ...[[257, 12], [331, 33]],
  ] as const;
  return [...DECODE_SHAPES.slice(0, 3), FLOAT16_SHAPE].map((shape) => {
    const sequences = trees.map(([prefix, rows]) => randomTree(prefix, rows, random));
    return attentionCase(shape, [...sequences, { prefix: 30, rows: 12 }], random);
  });
});

testEachBackend("attention of draft trees: prefix, ancestors and the node itself", (context) => {
  for (const item of treeCases()) checkAttention(context, item);
});
