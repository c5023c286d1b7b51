/**
 * Temporary tensors, which share memory while a graph runs: they hold what tensors of their own would, and nothing
 * outside of a graph may ask for it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { temporaryTensor } from "../../ffi/batch.ts";
import type { Context } from "../../ffi/context.ts";
import type { TensorId } from "../../ffi/handles.ts";
import * as ops from "../../ffi/ops.ts";
import { rowsAt } from "../support/batches.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertSameBits } from "../support/close.ts";
import { openSimulated, testEachBackend, testSimulated } from "../support/cuda_sim.ts";
import { LayerForward, segmentsOf } from "../support/layer_forward.ts";
import { refuses, Status } from "../support/misuse.ts";
import { mapBytes, normals, readRows, tensorOf } from "../support/native.ts";

/** Of the temporary tensors; linear writes the wide ones by several blocks, each of which reads all of x. */
const WIDTHS = [32, 160, 288];
const ROWS = 5, COLS = Array.from({ length: 24 }, (_, i) => WIDTHS[(i * 7 + (i >> 2)) % 3]!);

testEachBackend("a forward gives the same bits with temporary tensors", (context) => {
  const kept = new LayerForward(context), temporary = new LayerForward(context, { temporary: true });
  const segments = segmentsOf([[20, 3], [0, 2]]);
  const expected = kept.run(segments, 3), actual = temporary.run(segments, 3);
  for (const name of ["hidden", "logits", "stored"] as const) {
    assertSameBits(actual[name], expected[name], name);
  }
});

testEachBackend("ops that are not recorded keep temporary tensors of their own", (context) => {
  const batch = context.createBatch({ rows: 2, segments: 1, pages: 1, outputs: 1 });
  const x = temporaryTensor(context, batch, "rows", 8), out = context.batchTensor(batch, "rows", 8);
  const table = mapBytes(context, new Uint8Array(Float32Array.from({ length: 24 }, (_, i) => i).buffer));
  const [weight, ones] = [context.createWeight(3, 8), tensorOf(context, new Float32Array(8).fill(1), 8)];
  context.appendWeight(weight, { file: table, offset: 0, format: "F32" }, 3, 0);
  context.packWeight(weight, "float32");
  const graph = context.record(() => ops.embedding(context, x, batch, weight));
  const norms = (...tokens: number[]) => {
    context.writeBatch(batch, rowsAt([0, 1], { tokens }));
    ops.rmsNorm(context, out, x, ones, 0);
    return readRows(context, out, 2, 8);
  };
  context.writeBatch(batch, rowsAt([0, 1], { tokens: [1, 2] }));
  ops.embedding(context, x, batch, weight);
  const before = norms(1, 2);
  context.run(graph);
  assertSameBits(norms(0, 0), before, "rows");
  assert.ok(before.every((value) => value > 0.5));
});

/**
 * Runs random ops over tensors of several widths; what one of them held behind each. Ops read what
 * those right before them wrote, so that later ones may take its place.
 */
function runRandomOps(context: Context, seed: number, isTemporary: boolean): Float32Array[] {
  const random = seededRandom(seed), below = (count: number) => Math.floor(random() * count);
  const batch = context.createBatch({ rows: ROWS, segments: 1, pages: 1, outputs: 1 });
  const tensors = COLS.map((cols) =>
    isTemporary ? temporaryTensor(context, batch, "rows", cols) : context.batchTensor(batch, "rows", cols)
  );
  const values = seededRandom(5);
  const norms = COLS.map((cols) => tensorOf(context, normals(values, cols), cols));
  const weightOf = (rows: number, cols: number) => {
    const file = mapBytes(context, new Uint8Array(normals(values, rows * cols).buffer));
    const weight = context.createWeight(rows, cols);
    context.appendWeight(weight, { file, offset: 0, format: "F32" }, rows, 0);
    context.packWeight(weight, "float32");
    return weight;
  };
  const weights = WIDTHS.map((rows) => WIDTHS.map((cols) => weightOf(rows, cols)));
  const embedded = WIDTHS.map((cols) => weightOf(9, cols));
  const index = (tensor: number) => WIDTHS.indexOf(COLS[tensor]!);
  let recent: readonly number[] = [];
  const write = (tensor: number) => {
    const earlier = recent.filter((other) => other !== tensor), x = earlier[below(earlier.length)];
    const out = tensors[tensor]!, kind = below(4);
    const alike = earlier.filter((other) => COLS[other] === COLS[tensor]), y = alike[below(alike.length)];
    if (x === undefined || kind === 0) ops.embedding(context, out, batch, embedded[index(tensor)]!);
    else if (kind === 1 && y !== undefined) ops.rmsNorm(context, out, tensors[y]!, norms[y]!, 1e-5);
    else {
      const own = kind === 2 && recent.includes(tensor) ? tensor : y;
      const residual: TensorId | undefined = kind === 2 && own !== undefined ? tensors[own] : undefined;
      ops.linear(context, out, tensors[x]!, weights[index(tensor)]![index(x)]!, residual);
      ops.rmsNorm(context, out, out, norms[tensor]!, 1e-5);
    }
    recent = [...earlier, tensor].slice(-4);
  };
  const kept: [TensorId, number][] = [];
  const graph = context.record(() => {
    for (let i = 0; i < 30; i++) {
      write(below(4) === 0 ? recent[below(recent.length)] ?? i : i % COLS.length);
      const tensor = recent[below(recent.length)]!, cols = COLS[tensor]!;
      const copy = context.batchTensor(batch, "rows", cols);
      ops.rmsNorm(context, copy, tensors[tensor]!, norms[tensor]!, 1e-5);
      kept.push([copy, cols]);
    }
  });
  context.writeBatch(batch, rowsAt([0, 1, 2, 3, 4], { tokens: [3, 1, 4, 1, 5] }));
  context.run(graph);
  const results = kept.map(([copy, cols]) => readRows(context, copy, ROWS, cols));
  context.check(context.native.aerie_graph_release(context.id, graph));
  return results;
}

testSimulated("temporary tensors of random graphs never lie over each other", () => {
  using context = openSimulated();
  for (let seed = 0; seed < 8; seed++) {
    const expected = runRandomOps(context, seed, false);
    runRandomOps(context, seed, true).forEach((rows, i) =>
      assertSameBits(rows, expected[i]!, `graph ${seed}, op ${i}`)
    );
  }
});

testSimulated("temporary tensors take less memory than others, in all graphs together", () => {
  using context = openSimulated();
  const used = (temporary: boolean) => {
    const before = context.memory().freeBytes;
    new LayerForward(context, { temporary });
    return before - context.memory().freeBytes;
  };
  used(true);
  const kept = used(false), shared = used(true);
  // The second graph's lie where the first one's do; what else a layer has is the same.
  const columns = 64 + 32 + 128 + 64 + 192 + 96 + 64;
  assert.ok(kept - shared >= columns * 320 * 4, `${kept} bytes kept, ${shared} shared`);
});

const temporaryOf = (context: Context) => {
  const batch = context.createBatch({ rows: 4, segments: 1, pages: 1, outputs: 1 });
  return temporaryTensor(context, batch, "rows", 32);
};
refuses(
  "a temporary tensor that is read",
  ({ context }) => void readRows(context, temporaryOf(context), 1, 32),
  Status.unsupported,
  /^tensor_read: a temporary tensor exists only while a graph runs$/,
);
refuses(
  "a temporary tensor that is written",
  ({ context }) => context.writeTensor(temporaryOf(context), new Float32Array(32), 0, 1),
  Status.unsupported,
  /^tensor_write: a temporary tensor/,
);
refuses(
  "a temporary tensor whose rows are copied",
  ({ context }) => context.copyTensorRows(temporaryOf(context), Int32Array.of(0), Int32Array.of(1)),
  Status.unsupported,
  /^tensor_copy: a temporary tensor/,
);
refuses(
  "a temporary tensor that only a graph wrote, in an op that is not recorded",
  ({ context, batch, weight }) => {
    const x = temporaryTensor(context, batch, "rows", 32);
    context.run(context.record(() => ops.embedding(context, x, batch, weight)));
    ops.linear(context, context.batchTensor(batch, "rows", 5), x, weight);
  },
  Status.unsupported,
  /^linear: reads a temporary tensor that no op outside of graphs wrote before$/,
);
refuses(
  "a graph that reads a temporary tensor before it writes it",
  ({ context, batch, weight }) => {
    const x = temporaryTensor(context, batch, "rows", 32);
    context.record(() => ops.linear(context, context.batchTensor(batch, "rows", 5), x, weight));
  },
  Status.unsupported,
  /^linear: reads a temporary tensor that no op of the graph wrote before$/,
);
