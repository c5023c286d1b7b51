/**
 * A forward of one transformer layer with random weights, recorded: every op of a model, small enough to be simulated
 * in milliseconds.
 *
 * @module
 */
import { temporaryTensor } from "../../ffi/batch.ts";
import type { BatchRows, Context } from "../../ffi/context.ts";
import type { BatchId, GraphId, KvId, TensorId, WeightId } from "../../ffi/handles.ts";
import * as ops from "../../ffi/ops.ts";
import { rowsOf, type SegmentRows } from "./batches.ts";
import { seededRandom } from "./block_formats.ts";
import { mapBytes, normals, readRows, tensorOf } from "./native.ts";

const HIDDEN = 64, HEADS = 2, KV_HEADS = 1, HEAD_DIM = 32, INNER = 96, VOCAB = 80;
const PAGE_SIZE = 16;

/** The most rows, segments, pages and outputs of a forward. */
const LIMITS = { rows: 320, segments: 8, pages: 32, outputs: 320 };

/** What a forward left in its tensors. */
export interface LayerResult {
  readonly hidden: Float32Array<ArrayBuffer>;
  /** Of the last slice of the outputs. */
  readonly logits: Float32Array<ArrayBuffer>;
  /** Keys and values as rows that were stored by slot. */
  readonly stored: Float32Array<ArrayBuffer>;
}

/** A layer, its KV pool and its recorded forward. The weights depend on `seed` alone. */
export class LayerForward {
  readonly limits: typeof LIMITS = LIMITS;
  readonly batch: BatchId;
  readonly graph: GraphId;
  readonly kv: KvId;
  readonly weights: readonly WeightId[];
  readonly tensors: readonly TensorId[];
  readonly #context: Context;
  readonly #hidden: TensorId;
  readonly #logits: TensorId;
  readonly #stored: TensorId;

  constructor(context: Context, { seed = 1, pages = LIMITS.pages, temporary = false } = {}) {
    const random = seededRandom(seed);
    const weight = (rows: number, cols: number) => {
      const file = mapBytes(context, new Uint8Array(normals(random, rows * cols).map((x) => x / 8).buffer));
      const made = context.createWeight(rows, cols);
      context.appendWeight(made, { file, offset: 0, format: "F32" }, rows, 0);
      context.packWeight(made, "bfloat16");
      return made;
    };
    const qkvCols = (HEADS + 2 * KV_HEADS) * HEAD_DIM;
    const embedded = weight(VOCAB, HIDDEN), toQkv = weight(qkvCols, HIDDEN), toOut = weight(HIDDEN, 64);
    const toInner = weight(2 * INNER, HIDDEN),
      fromInner = weight(HIDDEN, INNER),
      head = weight(VOCAB, HIDDEN);
    const norm = tensorOf(context, normals(random, HIDDEN), HIDDEN);
    const frequencies = tensorOf(context, normals(random, HEAD_DIM / 2), HEAD_DIM / 2);
    const bias = tensorOf(context, normals(random, qkvCols), qkvCols);
    const batch = context.createBatch({ ...LIMITS, pages });
    const shape = { layers: 1, pages: 64, pageSize: PAGE_SIZE, kvHeads: KV_HEADS, headDim: HEAD_DIM };
    const kv = context.createKv(shape, "float16");
    const tensor = (scope: "rows" | "outputs" | "outputSlice", cols: number) =>
      temporary ? temporaryTensor(context, batch, scope, cols) : context.batchTensor(batch, scope, cols);
    const rows = (cols: number) => tensor("rows", cols);
    const hidden = context.batchTensor(batch, "rows", HIDDEN),
      normed = rows(HIDDEN),
      angles = rows(HEAD_DIM),
      qkv = rows(qkvCols);
    const attended = rows(HIDDEN), inner = rows(2 * INNER), activated = rows(INNER);
    const last = tensor("outputs", HIDDEN);
    const logits = context.batchTensor(batch, "outputSlice", VOCAB);
    const stored = context.createTensor(64 * PAGE_SIZE, HIDDEN, "bfloat16");
    this.graph = context.record(() => {
      ops.embedding(context, hidden, batch, embedded);
      ops.ropeAngles(context, angles, batch, frequencies, 1);
      ops.rmsNorm(context, normed, hidden, norm, 1e-5);
      ops.linear(context, qkv, normed, toQkv);
      ops.addBias(context, qkv, bias);
      ops.rope(context, qkv, angles, HEADS + KV_HEADS, HEAD_DIM);
      ops.kvStore(context, kv, qkv, batch, 0, HEADS);
      ops.attention(context, attended, qkv, kv, batch, 0, HEADS, 0.2, 0, 0);
      ops.linear(context, hidden, attended, toOut, hidden);
      ops.rmsNorm(context, normed, hidden, norm, 1e-5);
      ops.linear(context, inner, normed, toInner);
      ops.siluMul(context, activated, inner);
      ops.linear(context, hidden, activated, fromInner, hidden);
      ops.storeRows(context, stored, hidden, batch, 0);
      ops.gatherOutputs(context, last, hidden, batch);
      ops.linear(context, logits, last, head);
    });
    this.#context = context;
    [this.batch, this.kv, this.#hidden, this.#logits, this.#stored] = [batch, kv, hidden, logits, stored];
    this.weights = [embedded, toQkv, toOut, toInner, fromInner, head];
    this.tensors = [
      norm,
      frequencies,
      bias,
      hidden,
      normed,
      angles,
      qkv,
      attended,
      inner,
      activated,
      last,
      logits,
    ];
  }

  /** Writes the next forward: segments, of whose rows the first `numOutputs` are outputs. */
  write(segments: readonly SegmentRows[], numOutputs: number): void {
    const rows: BatchRows = rowsOf(segments, PAGE_SIZE);
    this.#context.writeBatch(this.batch, {
      ...rows,
      tokens: Int32Array.from(rows.positions, (position, i) => (position * 7 + i) % VOCAB),
      outputs: Int32Array.from({ length: numOutputs }, (_, i) => i),
      numOutputs,
    });
  }

  /** Runs a forward. */
  run(segments: readonly SegmentRows[], numOutputs: number): LayerResult {
    this.write(segments, numOutputs);
    this.#context.run(this.graph);
    return this.read(segments.reduce((sum, { rows }) => sum + rows, 0), numOutputs);
  }

  /** What the last forward left. */
  read(numRows: number, numOutputs: number): LayerResult {
    const context = this.#context;
    return {
      hidden: readRows(context, this.#hidden, numRows, HIDDEN),
      logits: readRows(context, this.#logits, numOutputs && (numOutputs - 1) % 256 + 1, VOCAB),
      stored: readRows(context, this.#stored, 64 * PAGE_SIZE, HIDDEN),
    };
  }

  /** Copies the first entries of the pool, as an accepted path closes up. */
  copySlots(): void {
    this.#context.copyKvSlots(this.kv, Int32Array.of(2, 3), Int32Array.of(0, 1));
  }

  /** Releases everything. */
  release(): void {
    const { native, id } = this.#context;
    for (const weight of this.weights) this.#context.check(native.aerie_weight_release(id, weight));
    for (const tensor of this.tensors) this.#context.releaseTensor(tensor);
    this.#context.check(native.aerie_kv_release(id, this.kv));
    this.#context.check(native.aerie_batch_release(id, this.batch));
    this.#context.check(native.aerie_graph_release(id, this.graph));
  }
}

/** Segments of so many rows behind so many entries each, on pages of their own. */
export function segmentsOf(shapes: readonly (readonly [prefix: number, rows: number])[]): SegmentRows[] {
  let page = 0;
  return shapes.map(([prefix, rows]) => {
    const count = Math.ceil((prefix + rows) / PAGE_SIZE);
    const pages = Int32Array.from({ length: count }, (_, i) => page + i);
    page += count;
    return { prefix, rows, pages };
  });
}
