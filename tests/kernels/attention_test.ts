/**
 * `aerie_kv_store` and `aerie_attention` over paged KV: decode, chunks and trees against float64 over exactly the
 * entries a row may see. The pool is filled with NaN first: what a row does not see must not matter.
 *
 * @module
 */
import type { BatchRows, Context, TensorDtype } from "../../ffi/context.ts";
import type { BatchId, KvId, TensorId } from "../../ffi/handles.ts";
import { attention, kvStore } from "../../ffi/ops.ts";
import { rowsAt, rowsOf, type SegmentRows, shuffled } from "../support/batches.ts";
import { type Random, seededRandom } from "../support/block_formats.ts";
import { assertClose } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { normals, readRows } from "../support/native.ts";
import { attend, ROUNDED } from "../support/reference.ts";

interface Shape {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly pageSize: number;
  readonly dtype: TensorDtype;
  /** Multiplies scores, beside 1 / sqrt(headDim); large makes the softmax sharp. */
  readonly sharpness?: number;
}

type Sequence = Omit<SegmentRows, "pages">;

const LAYERS = 2;

/** Everything one case needs in native memory; q, k, v of all tokens are random. */
class Bench {
  readonly #context: Context;
  readonly #shape: Shape;
  readonly #batch: BatchId;
  readonly #qkv: TensorId;
  readonly #cols: number;
  readonly #kv: KvId;

  constructor(context: Context, shape: Shape, maxRows: number, numPages: number, numSegments: number) {
    const { numHeads, numKvHeads, headDim, pageSize, dtype } = shape;
    this.#context = context;
    this.#shape = shape;
    this.#cols = (numHeads + 2 * numKvHeads) * headDim;
    this.#batch = context.createBatch({ rows: maxRows, segments: numSegments, pages: numPages, outputs: 1 });
    this.#qkv = context.batchTensor(this.#batch, "rows", this.#cols);
    const pool = { layers: LAYERS, pages: numPages, pageSize, kvHeads: numKvHeads, headDim };
    this.#kv = context.createKv(pool, dtype);
    const slots = Array.from({ length: numPages * pageSize }, (_, slot) => slot);
    const everywhere = { ...rowsAt(slots), slots: Int32Array.from(slots) };
    for (let layer = 0; layer < LAYERS; layer++) {
      this.store(everywhere, new Float32Array(slots.length * this.#cols).fill(NaN), layer);
    }
  }

  store(rows: BatchRows, qkv: Float32Array<ArrayBuffer>, layer: number): void {
    this.#context.writeBatch(this.#batch, rows);
    this.#context.writeTensor(this.#qkv, qkv, 0, rows.numRows);
    kvStore(this.#context, this.#kv, this.#qkv, this.#batch, layer, this.#shape.numHeads);
  }

  /** Attention of the rows stored last. */
  attend(numRows: number, layer: number): Float32Array {
    const { numHeads, headDim, sharpness = 1 } = this.#shape, cols = numHeads * headDim;
    const out = this.#context.batchTensor(this.#batch, "rows", cols), scale = sharpness / Math.sqrt(headDim);
    attention(this.#context, out, this.#qkv, this.#kv, this.#batch, layer, numHeads, scale, 0, 0);
    return readRows(this.#context, out, numRows, cols);
  }
}

/** Entries of its sequence that row `i` sees. */
function seenBy({ prefix, parents }: Sequence, i: number): number[] {
  const before = Array.from({ length: prefix }, (_, entry) => entry);
  if (!parents) return [...before, ...Array.from({ length: i + 1 }, (_, n) => prefix + n)];
  const ancestors: number[] = [];
  for (let node = i; node >= 0; node = parents[node]!) ancestors.push(prefix + node);
  return [...before, ...ancestors.reverse()];
}

/** A case with its data and the float64 result, the same for every instruction set. */
interface Case {
  readonly label: string;
  readonly shape: Shape;
  readonly sequences: readonly Sequence[];
  /** q, k and v of each sequence's tokens. */
  readonly qkv: readonly Float32Array<ArrayBuffer>[];
  readonly expected: Float64Array;
}

function makeCase(shape: Shape, sequences: readonly Sequence[], random: Random): Case {
  const { numHeads, numKvHeads, headDim, pageSize, dtype } = shape;
  const cols = (numHeads + 2 * numKvHeads) * headDim, queries = numHeads * headDim;
  // Few bits, the fewer for what is only read, and no queries where none attends: a trace of these cases
  // (docs/gpu_check.md) has to be small.
  const qkv = sequences.map(({ prefix, rows }) =>
    normals(random, (prefix + rows) * cols).map((value, i) => {
      if (i >= prefix * cols) return Math.round(value * 16) / 16;
      return i % cols < queries ? 0 : Math.round(value * 4) / 4;
    })
  );
  return {
    label: `${numHeads}/${numKvHeads} heads of ${headDim}, pages of ${pageSize}, ${dtype}`,
    shape,
    sequences,
    qkv,
    expected: Float64Array.from(sequences.flatMap((sequence, s) => expectedRows(shape, sequence, qkv[s]!))),
  };
}

function expectedRows(shape: Shape, sequence: Sequence, qkv: Float32Array): number[] {
  const { numHeads, numKvHeads, headDim, dtype, sharpness = 1 } = shape;
  const cols = (numHeads + 2 * numKvHeads) * headDim;
  const at = (entry: number, head: number) => {
    const row = Float64Array.from(
      qkv.subarray(entry * cols + head * headDim, entry * cols + (head + 1) * headDim),
    );
    return head >= numHeads ? ROUNDED[dtype](row) : row;
  };
  const entries = Array.from(
    { length: sequence.prefix + sequence.rows },
    (_, entry) => Array.from({ length: numHeads + 2 * numKvHeads }, (_, head) => at(entry, head)),
  );
  return Array.from({ length: sequence.rows }, (_, i) => {
    const seen = seenBy(sequence, i).map((entry) => entries[entry]!);
    return Array.from({ length: numHeads }, (_, h) => {
      const kvHead = numHeads + Math.floor(h / (numHeads / numKvHeads));
      const keys = seen.map((heads) => heads[kvHead]!),
        values = seen.map((heads) => heads[kvHead + numKvHeads]!);
      return [...attend(entries[sequence.prefix + i]![h]!, keys, values, sharpness / Math.sqrt(headDim))];
    });
  }).flat(2);
}

/** Stores all prefixes in one forward, then runs all rows in the next, on layer 1 with other data on layer 0. */
function checkAttention(context: Context, { label, shape, sequences, qkv, expected }: Case): void {
  const { pageSize } = shape, cols = (shape.numHeads + 2 * shape.numKvHeads) * shape.headDim;
  const counts = sequences.map(({ prefix, rows }) => Math.ceil((prefix + rows) / pageSize));
  const numPages = counts.reduce((sum, count) => sum + count, 1);
  const order = shuffled(numPages, seededRandom(numPages));
  let used = 0;
  const segments = sequences.map((sequence, s) => ({
    ...sequence,
    pages: order.slice(used, used += counts[s]!),
  }));
  const bench = new Bench(context, shape, numPages * pageSize, numPages, sequences.length);
  const join = (parts: Float32Array[]) => {
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
    return all;
  };
  const prefixes = rowsOf(
    segments.map(({ prefix, pages }) => ({ prefix: 0, rows: prefix, pages })),
    pageSize,
  );
  const before = join(qkv.map((all, s) => all.subarray(0, sequences[s]!.prefix * cols)));
  const now = join(qkv.map((all, s) => all.subarray(sequences[s]!.prefix * cols)));
  bench.store(prefixes, before, 1);
  bench.store(prefixes, before.map(() => 3), 0);
  const rows = rowsOf(segments, pageSize);
  bench.store(rows, now.map(() => 5), 0);
  bench.store(rows, now, 1);
  assertClose(bench.attend(rows.numRows, 1), expected, 1e-12, label);
}

const DECODE_LENGTHS = [1, 15, 16, 17, 255, 256, 257, 700];

const DECODE_SHAPES: readonly Shape[] = [
  { numHeads: 3, numKvHeads: 3, headDim: 64, pageSize: 16, dtype: "float32" },
  { numHeads: 4, numKvHeads: 2, headDim: 80, pageSize: 32, dtype: "bfloat16" },
  { numHeads: 9, numKvHeads: 3, headDim: 64, pageSize: 16, dtype: "bfloat16" },
  { numHeads: 8, numKvHeads: 2, headDim: 128, pageSize: 64, dtype: "bfloat16" },
  { numHeads: 8, numKvHeads: 1, headDim: 16, pageSize: 64, dtype: "float32" },
  { numHeads: 16, numKvHeads: 1, headDim: 96, pageSize: 32, dtype: "float32", sharpness: 8 },
];
const FLOAT16_SHAPE: Shape = { numHeads: 6, numKvHeads: 2, headDim: 80, pageSize: 16, dtype: "float16" };

const decodeCases = lazily(() => {
  const random = seededRandom(61),
    sequences = DECODE_LENGTHS.map((length) => ({ prefix: length - 1, rows: 1 }));
  return [...DECODE_SHAPES, FLOAT16_SHAPE].map((shape) => makeCase(shape, sequences, random));
});

testEachBackend("attention of single rows at many context lengths", (context) => {
  for (const item of decodeCases()) checkAttention(context, item);
});

const chunkCases = lazily(() => {
  const random = seededRandom(62);
  const sequences = [[0, 40], [250, 13], [16, 1], [5, 64], [300, 2], [0, 1]]
    .map(([prefix, rows]) => ({ prefix: prefix!, rows: rows! }));
  return [...DECODE_SHAPES.slice(1, 5), FLOAT16_SHAPE].map((shape) => makeCase(shape, sequences, random));
});

testEachBackend("attention of causal chunks of several sequences", (context) => {
  for (const item of chunkCases()) checkAttention(context, item);
});

/** A random tree: chains, stars and everything between. */
function randomTree(prefix: number, rows: number, random: Random): Sequence {
  const reach = 1 + Math.floor(random() * rows);
  const parents = Array.from({ length: rows }, (_, i) => Math.max(-1, i - 1 - Math.floor(random() * reach)));
  return { prefix, rows, parents };
}

const treeCases = lazily(() => {
  const random = seededRandom(63);
  const trees = [
    ...[[0, 64], [1, 1], [7, 5], [15, 64], [16, 33], [17, 17], [200, 60], [250, 9], [256, 64]],
    ...[[257, 12], [331, 33]],
  ] as const;
  return [...DECODE_SHAPES.slice(0, 3), FLOAT16_SHAPE].map((shape) => {
    const sequences = trees.map(([prefix, rows]) => randomTree(prefix, rows, random));
    return makeCase(shape, [...sequences, { prefix: 30, rows: 12 }], random);
  });
});

testEachBackend("attention of draft trees: prefix, ancestors and the node itself", (context) => {
  for (const item of treeCases()) checkAttention(context, item);
});

/** Makes a value at first use and keeps it. */
function lazily<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
