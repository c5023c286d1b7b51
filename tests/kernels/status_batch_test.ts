/**
 * Statuses for wrong batches, what kernels index with, graphs and samplers.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { GraphId, SamplerId } from "../../ffi/handles.ts";
import * as ops from "../../ffi/ops.ts";
import { SamplerArrays } from "../../ffi/sampler.ts";
import { rowsAt } from "../support/batches.ts";
import { Bench, refuses, Status } from "../support/misuse.ts";
import { withContext } from "../support/native.ts";
import { addDraw, type Draw } from "../support/samplers.ts";

const huge = 0x7fffffff;
const id = <Id extends number>(value: number) => value as Id;
const filled = (value: number) => Int32Array.of(0, value);

// Batches.
refuses(
  "too many rows",
  (b) => b.context.writeBatch(b.batch, rowsAt([0, 1, 2, 3, 4])),
  Status.badShape,
  /5 rows/,
);
refuses("a negative token", (b) => b.write({ tokens: filled(-2) }), Status.badArgument, /tokens\[1\] is -2/);
refuses("a negative slot", (b) => b.write({ slots: filled(-5) }), Status.badArgument, /slots\[1\] is -5/);
refuses(
  "segments that leave rows out",
  (b) => b.write({ segmentStarts: filled(1) }),
  Status.badArgument,
  /segment_starts\[1\] is 1/,
);
refuses(
  "an output past the rows",
  (b) => {
    b.write({ outputs: Int32Array.of(2), numOutputs: 1 });
  },
  Status.badArgument,
  /outputs\[0\] is 2/,
);
refuses(
  "a token past the vocabulary",
  (b) => {
    b.write({ tokens: filled(5) });
    ops.embedding(b.context, b.rows(32), b.batch, b.weight);
  },
  Status.badArgument,
  /embedding: tokens\[1\] is 5 of 5/,
);

// What kernels index with, on any layer.
for (const layer of [0, 1]) {
  refuses(
    `a slot past the pool, layer ${layer}`,
    (b) => {
      b.write({ slots: filled(huge) });
      ops.kvStore(b.context, b.kv, b.rows(96), b.batch, layer, 1);
    },
    Status.badArgument,
    /kv_store: slots\[1\] is 2147483647 of 48/,
  );
  refuses(
    `a page past the pool, layer ${layer}`,
    (b) => {
      b.write({ pageTable: Int32Array.of(huge) });
      ops.attention(b.context, b.rows(32), b.rows(96), b.kv, b.batch, layer, 1, 1, 0, 0);
    },
    Status.badArgument,
    /attention: page_table\[0\] is 2147483647 of 3/,
  );
  refuses(
    `a row that sees past its pages, layer ${layer}`,
    (b) => {
      b.write({ visible: Int32Array.of(1, 17) });
      ops.attention(b.context, b.rows(32), b.rows(96), b.kv, b.batch, layer, 1, 1, 0, 0);
    },
    Status.badArgument,
    /attention: row 1 sees 17 of 16/,
  );
  refuses(
    `a tree past its pages, layer ${layer}`,
    (b) => {
      b.write({ visible: filled(huge), treeMasks: BigUint64Array.of(1n, 1n << 63n) });
      ops.attention(b.context, b.rows(32), b.rows(96), b.kv, b.batch, layer, 1, 1, 0, 0);
    },
    Status.badArgument,
    /attention: row \d sees/,
  );
  refuses(
    `a row that sees nothing, layer ${layer}`,
    (b) => {
      b.write({ visible: Int32Array.of(1, 0) });
      ops.attention(b.context, b.rows(32), b.rows(96), b.kv, b.batch, layer, 1, 1, 0, 0);
    },
    Status.badArgument,
    /attention: row 1 sees 0/,
  );
}
refuses(
  "a layer past the pool",
  (b) => {
    ops.kvStore(b.context, b.kv, b.rows(96), b.batch, 2, 1);
  },
  Status.badArgument,
  /kv_store: layer 2 of 2/,
);
refuses(
  "no heads",
  (b) => ops.kvStore(b.context, b.kv, b.rows(64), b.batch, 0, 0),
  Status.badShape,
  /0 heads over 1/,
);

// Graphs.
refuses(
  "ending a graph that was not begun",
  (b) => {
    b.context.create<GraphId>((out) => b.context.native.aerie_graph_end(b.context.id, out));
  },
  Status.badArgument,
  /graph_end: no graph/,
);
refuses(
  "a graph within a graph",
  (b) => {
    b.context.record(() => b.context.check(b.context.native.aerie_graph_begin(b.context.id)));
  },
  Status.badArgument,
  /graph_begin/,
);
refuses(
  "launching while recording",
  (b) => {
    const graph = b.context.record(() => {});
    b.context.record(() => b.context.run(graph));
  },
  Status.badArgument,
  /graph_launch/,
);
refuses(
  "launching something else",
  (b) => b.context.run(id(b.batch)),
  Status.badHandle,
  /graph_launch: graph/,
);
refuses(
  "a launch on a batch that does not fit",
  (b) => {
    const qkv = b.rows(96), out = b.rows(32);
    const graph = b.context.record(() => {
      ops.kvStore(b.context, b.kv, qkv, b.batch, 1, 1);
      ops.attention(b.context, out, qkv, b.kv, b.batch, 1, 1, 1, 0, 0);
    });
    b.write({ slots: filled(48) });
    b.context.run(graph);
  },
  Status.badArgument,
  /batch_write: slots\[1\] is 48 of 48/,
);

// Samplers.

/** A sampler for two rows of ten logits with these as its parameters, and a mask. */
function written({ context }: Bench, rows: readonly Draw[]): SamplerArrays {
  const arrays = new SamplerArrays(context, 2, 10, 3);
  for (const row of rows) addDraw(arrays, row);
  arrays.mask(new Uint32Array(1).fill(~0));
  arrays.write();
  return arrays;
}

const draws: readonly (readonly [label: string, row: Draw, text: RegExp])[] = [
  ["a temperature of NaN", { temperature: NaN }, /temperature\[0\] is nan/],
  ["a negative temperature", { temperature: -1 }, /temperature\[0\] is -1/],
  ["an infinite temperature", { temperature: Infinity }, /temperature\[0\] is inf/],
  ["a negative top_k", { topK: -1 }, /top_k\[0\] is -1/],
  ["a top_p of 0", { topP: 0 }, /top_p\[0\] is 0/],
  ["a top_p of NaN", { topP: NaN }, /top_p\[0\] is nan/],
  ["a min_p above 1", { minP: 1.5 }, /min_p\[0\] is 1.5/],
  ["a target past the vocabulary", { target: 10 }, /target\[0\] is 10/],
  ["more alternatives than there is room for", { numTop: 4 }, /num_top\[0\] is 4/],
  ["a repetition penalty of 0", { repetition: 0 }, /repetition\[0\] is 0/],
  ["a repetition penalty of NaN", { repetition: NaN }, /repetition\[0\] is nan/],
  ["a mask that was not given", { mask: 1 }, /row 0 has mask 1, 1 were given/],
  ["a mask below -1", { mask: -2 }, /row 0 has mask -2, 1 were given/],
];
for (const [label, row, text] of draws) {
  refuses(
    label,
    (b) => {
      written(b, [row]);
    },
    Status.badArgument,
    text,
  );
}
refuses(
  "more rows than the sampler has",
  (b) => {
    written(b, [{}, {}, {}]);
  },
  Status.badShape,
  /sampler_write: 3 rows of 2/,
);
refuses(
  "more masks than the sampler has rows",
  (b) => written(b, []).mask(new Uint32Array(3)),
  Status.badShape,
  /sampler_mask: 3 masks of 2/,
);
refuses(
  "masks at no address",
  ({ context }) => {
    const sampler = context.create<SamplerId>((out) =>
      context.native.aerie_sampler_create(context.id, out, 1, 10, 0)
    );
    context.check(context.native.aerie_sampler_mask(context.id, sampler, null, 1));
  },
  Status.badArgument,
  /sampler_mask: words is null/,
);
refuses(
  "a mask of the write before",
  (b) => {
    const arrays = written(b, [{ mask: 0 }]);
    arrays.write();
  },
  Status.badArgument,
  /row 0 has mask 0, 0 were given/,
);
refuses(
  "logits of another vocabulary",
  (b) => written(b, []).forward(b.context.createTensor(2, 11)),
  Status.badShape,
  /sample: logits are \[2, 11\], expected \[2, 10\]/,
);
refuses(
  "reading more rows than were drawn",
  (b) => {
    const arrays = written(b, [{}]);
    arrays.forward(b.context.createTensor(2, 10));
    arrays.read(2);
  },
  Status.badShape,
  /sampler_read: 2 rows of 1/,
);

refuses(
  "a changed token past the vocabulary",
  (b) => {
    written(b, [{ changes: [{ token: 10 }] }]);
  },
  Status.badArgument,
  /tokens\[0\] is 10/,
);
refuses(
  "a queried token past the vocabulary",
  (b) => {
    written(b, [{ queries: [3] }, { queries: [-1] }]);
  },
  Status.badArgument,
  /queries\[1\] is -1/,
);
refuses(
  "a launch that did not draw",
  (b) => {
    const arrays = written(b, [{}]);
    arrays.forward(b.context.createTensor(2, 10));
    arrays.read(1, b.context.launch(b.context.record(() => {})));
  },
  Status.badHandle,
  /launch \d+ is not among/,
);

Deno.test("a refused write draws nothing, and uses its masks up", () =>
  withContext("portable", 1, (context) => {
    const bench = new Bench(context), logits = context.createTensor(2, 10);
    for (const refused of [{ temperature: -1 }, { mask: 1 }]) {
      const arrays = written(bench, [{}]);
      arrays.mask(new Uint32Array(1));
      addDraw(arrays, refused);
      assert.throws(() => arrays.write());
      arrays.forward(logits);
      assert.throws(() => arrays.read(1), /sampler_read: 1 rows of 0/);
      arrays.clear();
      addDraw(arrays, { mask: 0 });
      assert.throws(() => arrays.write(), /row 0 has mask 0, 0 were given/);
    }
  }));

Deno.test("words that are no whole masks are refused", () =>
  withContext("portable", 1, (context) => {
    const arrays = new SamplerArrays(context, 2, 33, 0);
    assert.throws(() => arrays.mask(new Uint32Array(3)), /3 words, expected a multiple of 2/);
  }));

Deno.test("a refused batch runs no rows", () =>
  withContext("portable", 1, (context) => {
    const bench = new Bench(context), out = bench.rows(5), x = bench.rows(32);
    context.writeTensor(out, new Float32Array(20).fill(7), 0, 4);
    assert.throws(() => bench.write({ tokens: filled(-2) }));
    ops.linear(context, out, x, bench.weight);
    const kept = new Float32Array(20);
    context.readTensor(out, kept, 0, 4);
    assert.deepEqual([...kept], new Array(20).fill(7));
  }));
