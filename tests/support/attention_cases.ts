/**
 * Cases of attention over paged KV with their float64 results. The pool is filled with NaN first: what a row does not
 * see must not matter.
 *
 * @module
 */
import type { BatchRows, Context, TensorDtype } from "../../ffi/context.ts";
import type { BatchId, KvId, TensorId } from "../../ffi/handles.ts";
import { attention, kvStore } from "../../ffi/ops.ts";
import { rowsAt, rowsOf, type SegmentRows, shuffled } from "./batches.ts";
import { type Random, seededRandom } from "./block_formats.ts";
import { assertClose } from "./close.ts";
import { normals, readRows } from "./native.ts";
import { attend, ROUNDED } from "./reference.ts";

/** Heads, widths, types and settings of one case. */
export interface AttentionShape {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly pageSize: number;
  readonly dtype: TensorDtype;
  /** Multiplies scores, beside 1 / sqrt(headDim); large makes the softmax sharp. */
  readonly sharpness?: number;
  /** Scores become cap * tanh(score / cap); 0 or left out: they do not. */
  readonly softCap?: number;
  /** A row sees the last `window` of its entries; 0 or left out: all. */
  readonly window?: number;
}

/** A sequence of a case; its pages lie anywhere. */
export type AttentionSequence = Omit<SegmentRows, "pages">;

const LAYERS = 2;

/** Everything one case needs in native memory; q, k, v of all tokens are random. */
class Bench {
  readonly #context: Context;
  readonly #shape: AttentionShape;
  readonly #batch: BatchId;
  readonly #qkv: TensorId;
  readonly #cols: number;
  readonly #kv: KvId;

  constructor(
    context: Context,
    shape: AttentionShape,
    maxRows: number,
    numPages: number,
    numSegments: number,
  ) {
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
    const { softCap = 0, window = 0 } = this.#shape;
    attention(this.#context, out, this.#qkv, this.#kv, this.#batch, layer, numHeads, scale, softCap, window);
    return readRows(this.#context, out, numRows, cols);
  }
}

/** Entries of its sequence that row `i` sees. */
function seenBy({ prefix, parents }: AttentionSequence, i: number): number[] {
  const before = Array.from({ length: prefix }, (_, entry) => entry);
  if (!parents) return [...before, ...Array.from({ length: i + 1 }, (_, n) => prefix + n)];
  const ancestors: number[] = [];
  for (let node = i; node >= 0; node = parents[node]!) ancestors.push(prefix + node);
  return [...before, ...ancestors.reverse()];
}

/** A case with its data and the float64 result, the same for every instruction set. */
export interface AttentionCase {
  readonly label: string;
  readonly shape: AttentionShape;
  readonly sequences: readonly AttentionSequence[];
  /** q, k and v of each sequence's tokens. */
  readonly qkv: readonly Float32Array<ArrayBuffer>[];
  readonly expected: Float64Array;
}

/** A case of random numbers. */
export function attentionCase(
  shape: AttentionShape,
  sequences: readonly AttentionSequence[],
  random: Random,
): AttentionCase {
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
    label: `${numHeads}/${numKvHeads} heads of ${headDim}, pages of ${pageSize}, ${dtype}, ` +
      `cap ${shape.softCap ?? 0}, window ${shape.window ?? 0}`,
    shape,
    sequences,
    qkv,
    expected: Float64Array.from(sequences.flatMap((sequence, s) => expectedRows(shape, sequence, qkv[s]!))),
  };
}

function expectedRows(shape: AttentionShape, sequence: AttentionSequence, qkv: Float32Array): number[] {
  const { numHeads, numKvHeads, headDim, dtype, sharpness = 1, softCap, window = 0 } = shape;
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
    const seen = seenBy(sequence, i).slice(-window).map((entry) => entries[entry]!);
    return Array.from({ length: numHeads }, (_, h) => {
      const kvHead = numHeads + Math.floor(h / (numHeads / numKvHeads));
      const keys = seen.map((heads) => heads[kvHead]!),
        values = seen.map((heads) => heads[kvHead + numKvHeads]!);
      return [
        ...attend(entries[sequence.prefix + i]![h]!, keys, values, sharpness / Math.sqrt(headDim), softCap),
      ];
    });
  }).flat(2);
}

/** Holds the rows of a case to their float64 results. */
export function checkAttention(
  context: Context,
  { label, shape, sequences, qkv, expected }: AttentionCase,
): void {
  assertClose(attended(context, shape, sequences, qkv), expected, 1e-12, label);
}

/**
 * What all rows of `sequences` get, [rows, numHeads * headDim], with q, k and v of each sequence's tokens. Stores all
 * prefixes in one forward, then runs all rows in the next, on layer 1 with other data on layer 0, on random pages.
 */
export function attended(
  context: Context,
  shape: AttentionShape,
  sequences: readonly AttentionSequence[],
  qkv: readonly Float32Array<ArrayBuffer>[],
): Float32Array {
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
  return bench.attend(rows.numRows, 1);
}

/** A random tree: chains, stars and everything between. */
export function randomTree(prefix: number, rows: number, random: Random): AttentionSequence {
  const reach = 1 + Math.floor(random() * rows);
  const parents = Array.from({ length: rows }, (_, i) => Math.max(-1, i - 1 - Math.floor(random() * reach)));
  return { prefix, rows, parents };
}
