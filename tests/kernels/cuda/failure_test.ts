/**
 * What a failure of the device leaves: an error that names the work in flight, calls that refuse to go on, objects that
 * can still be released.
 *
 * @module
 */
import assert from "node:assert/strict";
import { addBias } from "../../../ffi/ops.ts";
import type { Context } from "../../../ffi/context.ts";
import { assertSameBits } from "../../support/close.ts";
import { inject, openSimulated, testSimulated } from "../../support/cuda_sim.ts";
import { LayerForward, segmentsOf } from "../../support/layer_forward.ts";
import { assertNative, Status } from "../../support/misuse.ts";
import { readRows, tensorOf } from "../../support/native.ts";

const LAUNCH_FAILURE = 719, INVALID_VALUE = 1, OUT_OF_MEMORY = 2;
const SEGMENTS = segmentsOf([[3, 2], [0, 3]]);

/**
 * Registers a test in which the device of a context fails: `body` must throw the text, and so must all calls behind it,
 * but for releases. Another context works afterwards.
 */
function testFailure(
  name: string,
  text: RegExp,
  body: (context: Context, layer: LayerForward) => void,
  environment: Record<string, string> = {},
): void {
  testSimulated(name, () => {
    for (const [variable, value] of Object.entries(environment)) Deno.env.set(variable, value);
    try {
      using context = openSimulated();
      const layer = new LayerForward(context);
      layer.run(SEGMENTS, 2);
      assertNative(() => body(context, layer), Status.device, text);
      refusesAll(context, layer, text);
      layer.release();
    } finally {
      inject();
      for (const variable of Object.keys(environment)) Deno.env.delete(variable);
    }
    using context = openSimulated();
    new LayerForward(context).run(SEGMENTS, 2);
  });
}

/** Every kind of call gives the first error again; a recording ends, so that others do not wait for it. */
function refusesAll(context: Context, layer: LayerForward, text: RegExp): void {
  const calls = [
    () => layer.write(SEGMENTS, 2),
    () => layer.run(SEGMENTS, 2),
    () => layer.read(5, 2),
    () => layer.copySlots(),
    () => context.launch(layer.graph),
    () => context.prepare(layer.graph, { rows: 1, segments: 1, outputs: 1 }),
    () => context.createTensor(1, 1),
    () => context.createKv({ layers: 1, pages: 1, pageSize: 16, kvHeads: 1, headDim: 16 }, "float16"),
    () => context.memory(),
    () => context.record(() => {}),
  ];
  for (const call of calls) assertNative(call, Status.device, text);
}

testFailure(
  "a kernel that fails within a launch is told with the launch",
  /^graph_launch of \d+ ops: CUDA error 719, unspecified launch failure in kernel silu_mul_rows \(AERIE_CUDA_SYNC=1 names/,
  (_context, layer) => {
    inject("kernel:silu_mul", 1, LAUNCH_FAILURE);
    layer.run(SEGMENTS, 2);
  },
);

testFailure(
  "a kernel that fails within a graph is told with the launch",
  /^graph_launch of \d+ ops: CUDA error 719, unspecified launch failure in kernel attend/,
  (context, layer) => {
    context.prepare(layer.graph, { rows: 8, segments: 2, outputs: 8 });
    inject("kernel:attend", 1, LAUNCH_FAILURE);
    layer.run(SEGMENTS, 2);
  },
);

testFailure(
  "the op that fails is named where every op is waited for",
  /^silu_mul: CUDA error 719, unspecified launch failure/,
  (context, layer) => {
    context.prepare(layer.graph, { rows: 8, segments: 2, outputs: 8 });
    inject("kernel:silu_mul", 1, LAUNCH_FAILURE);
    layer.run(SEGMENTS, 2);
  },
  { AERIE_CUDA_SYNC: "1" },
);

testFailure(
  "a failure that a later call finds is told with the work before it",
  /^kv_copy or add_bias: CUDA error 719, unspecified launch failure in kernel copy_pool_slots/,
  (context, layer) => {
    const x = tensorOf(context, new Float32Array(6), 3), bias = tensorOf(context, new Float32Array(3), 3);
    context.copyTensorRows(x, Int32Array.of(0), Int32Array.of(1));
    readRows(context, x, 2, 3); // waits for what came before
    inject("kernel:copy_pool_slots", 1, LAUNCH_FAILURE);
    layer.copySlots();
    addBias(context, x, bias);
    readRows(context, x, 2, 3);
  },
);

testFailure(
  "a copy that is refused is told by its call",
  /^upload: CUDA error 1, invalid argument$/,
  (context, layer) => {
    inject("cudaMemcpyAsync", 1, INVALID_VALUE);
    layer.write(SEGMENTS, 2);
    context.run(layer.graph);
  },
);

testFailure(
  "a graph that cannot be made is told by its call",
  /^graph_prepare: CUDA error 1, invalid argument$/,
  (context, layer) => {
    inject("cudaGraphInstantiate", 1, INVALID_VALUE);
    context.prepare(layer.graph, { rows: 8, segments: 2, outputs: 8 });
  },
);

testSimulated("memory that cannot be had is refused with the bytes, and the device goes on", () => {
  using context = openSimulated();
  const layer = new LayerForward(context), expected = layer.run(SEGMENTS, 2);
  inject("cudaMalloc", 1, OUT_OF_MEMORY);
  assertNative(
    () => context.createTensor(1000, 3),
    Status.outOfMemory,
    /^out of memory: 12000 bytes, \d+ of the device's \d+ are free$/,
  );
  assertSameBits(layer.run(SEGMENTS, 2).hidden, expected.hidden, "hidden");
  assert.ok(context.memory().freeBytes > 12000);
});
