/**
 * Operator fusion of the CUDA backend: a graph gives the bits of its ops run one by one, with fewer launches where
 * nothing else needs what lies between, and with as many where something does.
 *
 * @module
 */
import assert from "node:assert/strict";
import { temporaryTensor } from "../../../ffi/batch.ts";
import type { Context } from "../../../ffi/context.ts";
import type { BatchId, KvId, TensorId, WeightId } from "../../../ffi/handles.ts";
import * as ops from "../../../ffi/ops.ts";
import type { StorageFormat } from "../../../runtime/contracts/storage_format.ts";
import { rowsOf } from "../../support/batches.ts";
import { randomRow, seededRandom } from "../../support/block_formats.ts";
import { assertSameBits } from "../../support/close.ts";
import { forgetCounts, openSimulated, simCounts, testSimulated } from "../../support/cuda_sim.ts";
import { mapBytes, normals, readRows, tensorOf } from "../../support/native.ts";

const HIDDEN = 256, HEADS = 6, KV_HEADS = 2, HEAD_DIM = 32, INNER = 96, PAGE_SIZE = 16, MAX_ROWS = 160;
const QKV = (HEADS + 2 * KV_HEADS) * HEAD_DIM;

/** Tensors of a layer, each with its columns, and what its ops take. The numbers depend on `numRows` alone. */
class Layer {
  readonly context: Context;
  readonly numRows: number;
  readonly tensors: Readonly<Record<keyof typeof COLS, TensorId>>;
  readonly batch: BatchId;
  readonly kv: KvId;
  readonly stored: TensorId;
  readonly norm: TensorId;
  readonly qkvBias: TensorId;
  readonly innerBias: TensorId;

  constructor(context: Context, numRows: number) {
    [this.context, this.numRows] = [context, numRows];
    const random = seededRandom(numRows),
      vector = (cols: number) => tensorOf(context, normals(random, cols), cols);
    this.batch = context.createBatch({ rows: MAX_ROWS, segments: 1, pages: 16, outputs: 1 });
    const pages = Int32Array.from({ length: 11 }, (_, i) => 10 - i);
    context.writeBatch(this.batch, rowsOf([{ prefix: 7, rows: numRows, pages }], PAGE_SIZE));
    const shape = { layers: 2, pages: 11, pageSize: PAGE_SIZE, kvHeads: KV_HEADS, headDim: HEAD_DIM };
    this.kv = context.createKv(shape, "bfloat16");
    this.stored = context.createTensor(11 * PAGE_SIZE, 2 * INNER);
    [this.norm, this.qkvBias, this.innerBias] = [vector(HIDDEN), vector(QKV), vector(2 * INNER)];
    const tensor = (cols: number) => {
      const made = context.batchTensor(this.batch, "rows", cols);
      context.writeTensor(made, normals(random, numRows * cols), 0, numRows);
      return made;
    };
    this.tensors = Object.fromEntries(
      Object.entries(COLS).map(([name, cols]) => [name, tensor(cols)]),
    ) as Record<keyof typeof COLS, TensorId>;
  }

  /** A weight [rows, cols] whose rows come in equal parts from sources of these formats. */
  weight(rows: number, cols: number, ...formats: StorageFormat[]): WeightId {
    const { context } = this, weight = context.createWeight(rows, cols), random = seededRandom(rows * cols);
    for (const format of formats) {
      const part = rows / formats.length;
      const bytes = Array.from({ length: part }, () => [...randomRow(format, cols, random)]).flat();
      const file = mapBytes(context, new Uint8Array(bytes));
      context.appendWeight(weight, { file, offset: 0, format }, part, 0);
      context.closeFile(file);
    }
    context.packWeight(weight, "bfloat16");
    return weight;
  }

  /** hidden += attention and feed-forward of hidden, as in a Qwen2 layer. */
  forward(index: number, [toQkv, toHidden, toInner, fromInner]: readonly WeightId[]): void {
    const { context, batch, kv, norm } = this,
      { hidden, normed, qkv, angles, attended, inner, gated } = this.tensors;
    ops.rmsNorm(context, normed, hidden, norm, 1e-5);
    ops.linear(context, qkv, normed, toQkv!);
    ops.addBias(context, qkv, this.qkvBias);
    ops.rope(context, qkv, angles, HEADS + KV_HEADS, HEAD_DIM);
    ops.kvStore(context, kv, qkv, batch, index, HEADS);
    ops.attention(context, attended, qkv, kv, batch, index, HEADS, 0.2, 0, 0);
    ops.linear(context, hidden, attended, toHidden!, hidden);
    ops.rmsNorm(context, normed, hidden, norm, 1e-5);
    ops.linear(context, inner, normed, toInner!);
    ops.siluMul(context, gated, inner);
    ops.linear(context, hidden, gated, fromInner!, hidden);
  }

  /** What all tensors hold. */
  read(): Map<string, Float32Array> {
    const read = new Map<string, Float32Array>();
    for (const [name, cols] of Object.entries(COLS)) {
      read.set(name, readRows(this.context, this.tensors[name as keyof typeof COLS], this.numRows, cols));
    }
    return read.set("stored", readRows(this.context, this.stored, 11 * PAGE_SIZE, 2 * INNER));
  }
}

const COLS = {
  hidden: HIDDEN,
  normed: HIDDEN,
  qkv: QKV,
  angles: HEAD_DIM,
  attended: HEADS * HEAD_DIM,
  inner: 2 * INNER,
  gated: INNER,
  narrow: 48,
  narrowGated: 24,
};

/** A sequence of ops on a layer, made anew for every run; its weights are made before it runs. */
type Sequence = (layer: Layer) => () => void;

/** Runs ops one by one, then recorded: the same numbers in every tensor, and `saved` launches fewer. */
function assertSaved(sequence: Sequence, saved: number, rowCounts: readonly number[] = [1, 40]): void {
  using context = openSimulated();
  for (const numRows of rowCounts) {
    const run = (isRecorded: boolean) => {
      const layer = new Layer(context, numRows), body = sequence(layer);
      const graph = isRecorded ? context.record(body) : undefined;
      forgetCounts();
      if (graph === undefined) body();
      else context.run(graph);
      const { launches } = simCounts();
      return { launches, values: layer.read() };
    };
    const apart = run(false), recorded = run(true);
    for (const [name, values] of apart.values) {
      assertSameBits(recorded.values.get(name)!, values, `${numRows} rows: ${name}`);
    }
    assert.equal(apart.launches - recorded.launches, saved, `${numRows} rows`);
  }
}

for (const format of ["BF16", "Q4_K"] as const) {
  testSimulated(`layers run with fewer launches and the same bits [${format}]`, () => {
    // Bias and rotation of both layers; the last gate's operands could still be read.
    assertSaved(
      (layer) => {
        const weights = [
          layer.weight(QKV, HIDDEN, format, format),
          layer.weight(HIDDEN, HEADS * HEAD_DIM, "BF16"),
          layer.weight(2 * INNER, HIDDEN, format, format),
          layer.weight(HIDDEN, INNER, "Q8_0"),
        ];
        return () => [0, 1].forEach((index) => layer.forward(index, weights));
      },
      5,
      [1, 40, 150],
    );
  });
}

/** A layer's gate over a temporary tensor; `reads` what it was made of afterwards, or does not. */
function gateOfTemporary(reads: (layer: Layer, inner: TensorId) => void): Sequence {
  return (layer) => {
    const { context, batch, tensors: { normed, gated } } = layer;
    const inner = temporaryTensor(context, batch, "rows", 2 * INNER),
      weight = layer.weight(2 * INNER, HIDDEN, "BF16");
    return () => {
      ops.linear(context, inner, normed, weight);
      ops.siluMul(context, gated, inner);
      reads(layer, inner);
    };
  };
}

testSimulated("the last gate is merged where its operands are temporary", () => {
  assertSaved(gateOfTemporary(() => {}), 1);
});

/** A gate of `x` by way of `out`, which is written anew afterwards. */
function gateOf(context: Context, gated: TensorId, out: TensorId, x: TensorId, weight: WeightId): () => void {
  return () => {
    ops.linear(context, out, x, weight);
    ops.siluMul(context, gated, out);
    ops.linear(context, out, x, weight);
  };
}

/** Ops of which none may be merged, or `saved` of them. */
const KEPT: Readonly<Record<string, { readonly saved: number; readonly sequence: Sequence }>> = {
  "a gate whose operands are stored afterwards": {
    saved: 0,
    sequence(layer) {
      const { context, batch, stored, tensors: { normed, inner, gated } } = layer;
      const weight = layer.weight(2 * INNER, HIDDEN, "BF16");
      return () => {
        ops.linear(context, inner, normed, weight);
        ops.siluMul(context, gated, inner);
        ops.storeRows(context, stored, inner, batch, 0);
        ops.linear(context, inner, normed, weight);
      };
    },
  },
  "a gate whose operands are temporary and stored afterwards": {
    saved: 0,
    sequence: gateOfTemporary(({ context, batch, stored }, inner) =>
      ops.storeRows(context, stored, inner, batch, 0)
    ),
  },
  "a gate that is part of a group of rows": {
    saved: 0,
    sequence(layer) {
      const { context, tensors: { normed, narrow, narrowGated } } = layer,
        weight = layer.weight(48, HIDDEN, "BF16");
      return gateOf(context, narrowGated, narrow, normed, weight);
    },
  },
  "a gate in another format than what it is multiplied by": {
    saved: 0,
    sequence(layer) {
      const { context, tensors: { normed, inner, gated } } = layer;
      const weight = layer.weight(2 * INNER, HIDDEN, "Q4_K", "Q6_K");
      return gateOf(context, gated, inner, normed, weight);
    },
  },
  "a gate with a residual; a bias behind one is merged": {
    saved: 1,
    sequence(layer) {
      const { context, innerBias, tensors: { normed, inner, gated } } = layer;
      const weight = layer.weight(2 * INNER, HIDDEN, "BF16");
      return () => {
        ops.linear(context, inner, normed, weight, inner);
        ops.addBias(context, inner, innerBias);
        ops.siluMul(context, gated, inner);
        ops.linear(context, inner, normed, weight);
      };
    },
  },
  "a gate that overwrites what its product reads": {
    saved: 0,
    sequence(layer) {
      const { context, tensors: { inner, gated } } = layer, weight = layer.weight(2 * INNER, INNER, "Q8_0");
      return gateOf(context, gated, inner, gated, weight);
    },
  },
  "a second bias; the first one and the gate's are merged": {
    saved: 3,
    sequence(layer) {
      const { context, innerBias, tensors: { normed, inner, gated } } = layer;
      const weight = layer.weight(2 * INNER, HIDDEN, "BF16");
      return () => {
        ops.linear(context, inner, normed, weight);
        ops.addBias(context, inner, innerBias);
        ops.addBias(context, inner, innerBias);
        ops.siluMul(context, gated, inner);
        ops.linear(context, inner, normed, weight);
        ops.addBias(context, inner, innerBias);
        ops.siluMul(context, gated, inner);
        ops.linear(context, inner, normed, weight);
      };
    },
  },
  "a rotation of other heads than those that are stored": {
    saved: 0,
    sequence(layer) {
      const { context, batch, kv, tensors: { qkv, angles, attended } } = layer;
      return () => {
        ops.rope(context, qkv, angles, HEADS, HEAD_DIM);
        ops.kvStore(context, kv, qkv, batch, 0, HEADS);
        ops.attention(context, attended, qkv, kv, batch, 0, HEADS, 0.2, 0, 0);
      };
    },
  },
};

for (const [name, { saved, sequence }] of Object.entries(KEPT)) {
  testSimulated(`not merged: ${name}`, () => assertSaved(sequence, saved));
}
