/**
 * Captured graphs of the CUDA backend: which one a launch takes, and that it gives the bits of ops launched one by one.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Context } from "../../../ffi/context.ts";
import * as ops from "../../../ffi/ops.ts";
import { rowsOf } from "../../support/batches.ts";
import { seededRandom } from "../../support/block_formats.ts";
import { assertSameBits } from "../../support/close.ts";
import { forgetCounts, openSimulated, simCounts, testSimulated } from "../../support/cuda_sim.ts";
import { LayerForward, type LayerResult, segmentsOf } from "../../support/layer_forward.ts";
import { normals, readRows } from "../../support/native.ts";

type Shape = readonly (readonly [prefix: number, rows: number])[];

/** Segments and outputs; each fits the last of {@linkcode BUCKETS}. */
const FORWARDS: readonly (readonly [Shape, number])[] = [
  [[[0, 1]], 1],
  [[[0, 2]], 0],
  [[[5, 3], [17, 1]], 4],
  [[[0, 8]], 8],
  [[[300, 4], [0, 5], [40, 7]], 3],
  [[[33, 17]], 17],
  [[[0, 20], [31, 12]], 32],
  [[[0, 257]], 257],
  [[[0, 300], [0, 1]], 301],
];
const BUCKETS = [[1, 1, 1], [4, 2, 4], [8, 1, 8], [16, 4, 16], [32, 4, 32], [320, 4, 320]] as const;

function assertSame(actual: LayerResult, expected: LayerResult, label: string): void {
  for (const name of ["hidden", "logits", "stored"] as const) {
    assertSameBits(actual[name], expected[name], `${label}: ${name}`);
  }
}

function runAll(context: Context, prepared: boolean): LayerResult[] {
  const layer = new LayerForward(context);
  // The largest first: graphs are sought by size, not by age.
  for (const [rows, segments, outputs] of prepared ? BUCKETS.toReversed() : []) {
    context.prepare(layer.graph, { rows, segments, outputs });
  }
  return FORWARDS.map((forward) => {
    forgetCounts();
    const result = layer.run(segmentsOf(forward[0]), forward[1]);
    const { launches, graphLaunches } = simCounts();
    assert.deepEqual([graphLaunches, launches > 0], prepared ? [1, false] : [0, true]);
    return result;
  });
}

testSimulated("a graph gives the bits of its ops launched one by one, whatever the batch", () => {
  using context = openSimulated();
  const expected = runAll(context, false);
  runAll(context, true).forEach((result, i) => assertSame(result, expected[i]!, `forward ${i}`));
});

testSimulated("a launch takes the smallest graph that holds its batch, and none if there is none", () => {
  using context = openSimulated();
  const layer = new LayerForward(context);
  const small = { rows: 8, segments: 1, outputs: 8 }, large = { rows: 256, segments: 2, outputs: 300 };
  const kernelsOf = (shape: Shape, numOutputs: number) => {
    forgetCounts();
    layer.write(segmentsOf(shape), numOutputs);
    context.run(layer.graph);
    return simCounts().graphKernels;
  };
  assert.equal(kernelsOf([[0, 1]], 1), 0);
  context.prepare(layer.graph, large);
  // Outputs beyond 256 are a second slice, whose kernels are launched too.
  const ofLarge = kernelsOf([[0, 8]], 8);
  context.prepare(layer.graph, small);
  const ofSmall = kernelsOf([[0, 8]], 8);
  assert.ok(ofSmall < ofLarge);
  assert.equal(kernelsOf([[0, 1]], 0), ofSmall);
  assert.equal(kernelsOf([[0, 9]], 1), ofLarge, "too many rows");
  assert.equal(kernelsOf([[0, 1], [0, 1]], 1), ofLarge, "too many segments");
  assert.equal(kernelsOf([[0, 16]], 16), ofLarge, "too many outputs");
  assert.equal(kernelsOf([[0, 256]], 256), ofLarge);
  assert.equal(kernelsOf([[0, 1], [0, 1], [0, 1]], 1), 0, "more segments than any");
  assert.equal(kernelsOf([[0, 257]], 1), 0, "more rows than any");
});

testSimulated("a graph attends with heads of several sizes, which take more shared memory or less", () => {
  using context = openSimulated();
  const rows = 16, batch = context.createBatch({ rows, segments: 1, pages: 1, outputs: 1 });
  context.writeBatch(batch, rowsOf([{ prefix: 0, rows, pages: Int32Array.of(0) }], 16));
  const random = seededRandom(3);
  const layers = ([[256, 8], [16, 1]] as const).map(([headDim, heads]) => {
    const kv = context.createKv({ layers: 1, pages: 1, pageSize: 16, kvHeads: 1, headDim }, "float32");
    const cols = heads * headDim, qkv = context.batchTensor(batch, "rows", cols + 2 * headDim);
    context.writeTensor(qkv, normals(random, rows * (cols + 2 * headDim)), 0, rows);
    return { kv, qkv, cols, heads, out: context.batchTensor(batch, "rows", cols) };
  });
  const attend = () => {
    for (const { kv, qkv, heads, out } of layers) {
      ops.kvStore(context, kv, qkv, batch, 0, heads);
      ops.attention(context, out, qkv, kv, batch, 0, heads, 0.1, 0, 0);
    }
  };
  const read = () => layers.map(({ out, cols }) => readRows(context, out, rows, cols));
  const graph = context.record(attend);
  attend();
  const expected = read();
  context.prepare(graph, { rows, segments: 1, outputs: 1 });
  for (const { out, cols } of layers) context.writeTensor(out, new Float32Array(rows * cols), 0, rows);
  context.run(graph);
  read().forEach((values, i) => assertSameBits(values, expected[i]!, `heads ${i}`));
});

testSimulated(
  "graphs go on when a later program needs more scratch memory, and when their objects are released",
  () => {
    using context = openSimulated();
    const segments = segmentsOf([[300, 4], [20, 4]]);
    const expected = new LayerForward(context).run(segments, 4);
    const layer = new LayerForward(context, { pages: 20 });
    context.prepare(layer.graph, { rows: 8, segments: 2, outputs: 8 });
    // Longer sequences have more chunks of keys to attend to at the same time.
    const longer = new LayerForward(context, { pages: 64 });
    longer.run(segmentsOf([[900, 2]]), 1);
    assertSame(layer.run(segments, 4), expected, "after a second program");
    const { native, id } = context;
    for (const weight of layer.weights) context.check(native.aerie_weight_release(id, weight));
    for (const tensor of layer.tensors.slice(0, 3)) context.releaseTensor(tensor);
    context.check(native.aerie_kv_release(id, layer.kv));
    context.createTensor(1 << 10, 1 << 8);
    assertSame(layer.run(segments, 4), expected, "after the release");
    layer.write(segments, 4);
    const ticket = context.launch(layer.graph);
    context.check(native.aerie_graph_release(id, layer.graph));
    context.wait(ticket);
    assertSame(layer.read(8, 4), expected, "of a graph that is gone");
  },
);
