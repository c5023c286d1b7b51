/**
 * Launches: tickets, batches written between them, and prepared sizes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Context } from "../../ffi/context.ts";
import type { GraphId, TicketId } from "../../ffi/handles.ts";
import * as ops from "../../ffi/ops.ts";
import { rowsAt } from "../support/batches.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { assertNative, Bench, refuses, Status } from "../support/misuse.ts";
import { libraryPath, readRows, tensorOf, withContext } from "../support/native.ts";
import type { WaitingWork } from "../support/waiting_worker.ts";

const NUM_TICKETS = 256;
const one = (context: Context) => context.record(() => {});

testEachBackend("a ticket is done when it has been waited for, and the last 256 stay valid", (context) => {
  const graph = one(context),
    tickets = Array.from({ length: NUM_TICKETS + 1 }, () => context.launch(graph));
  assert.equal(new Set(tickets).size, tickets.length);
  for (const ticket of tickets.slice(1)) {
    context.wait(ticket);
    assert.equal(context.poll(ticket), true);
  }
  const stale = /wait: not one of the last 256 tickets of this context: \d+/;
  assertNative(() => context.wait(tickets[0]!), Status.badHandle, stale);
  assertNative(() => context.poll(tickets[0]!), Status.badHandle, /poll: not one of the last 256 tickets/);
});

refuses(
  "waiting for ticket 0",
  ({ context }) => context.wait(0 as TicketId),
  Status.badHandle,
  /wait: .* 0$/,
);
refuses(
  "a ticket that was not given out yet",
  ({ context }) => context.wait(context.launch(one(context)) + 1 as TicketId),
  Status.badHandle,
  /wait: not one of the last/,
);
refuses(
  "a ticket of another context",
  ({ context }) => {
    const foreign = withContext("portable", 1, (other) => other.launch(one(other)));
    context.launch(one(context));
    context.wait(foreign);
  },
  Status.badHandle,
  /wait: not one of the last/,
);

Deno.test("waiting takes no lock: it returns while another thread records", async () => {
  using context = new Context(libraryPath, { device: "cpu", threads: 1 });
  const ticket = context.launch(one(context));
  const worker = new Worker(import.meta.resolve("../support/waiting_worker.ts"), { type: "module" });
  const ask = (work: WaitingWork) =>
    new Promise<string>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(event.error ?? event.message);
      worker.postMessage(work);
    });
  try {
    assert.equal(await ask({ libraryPath, context: context.id }), "attached");
    // From here on this thread keeps every call that takes the lock waiting.
    context.check(context.native.aerie_graph_begin(context.id));
    assert.equal(await ask(ticket), "done");
    context.create<GraphId>((out) => context.native.aerie_graph_end(context.id, out));
  } finally {
    worker.terminate();
  }
});

testEachBackend("a launch takes the batch as last written, however often that was", (context) => {
  const batch = context.createBatch({ rows: 8, segments: 1, pages: 1, outputs: 1 });
  const out = context.batchTensor(batch, "rows", 1);
  const pool = tensorOf(context, Float32Array.from({ length: 100 }, (_, i) => i), 1);
  const graph = context.record(() => ops.gatherRows(context, out, pool, batch, 0));
  for (let step = 0; step < 10; step++) {
    const sources = Int32Array.from({ length: 1 + step % 8 }, (_, i) => 10 * step + i);
    for (let other = 0; other < step % 4; other++) {
      context.writeBatch(batch, { ...rowsAt([0, 1]), sources: Int32Array.of(98, 99) });
    }
    context.writeBatch(batch, { ...rowsAt([...sources]), sources });
    context.run(graph);
    assert.deepEqual([...readRows(context, out, sources.length, 1)], [...sources]);
  }
});

testEachBackend("objects live until the graph that uses them is gone", (context) => {
  const x = tensorOf(context, Float32Array.of(1, 2), 2), out = context.createTensor(1, 1);
  const graph = context.record(() => ops.siluMul(context, out, x));
  context.releaseTensor(x);
  context.run(graph);
  assert.ok(Math.abs(readRows(context, out, 1, 1)[0]! - 2 / (1 + Math.exp(-1))) < 1e-6);
});

testEachBackend("a launch goes on when all that it uses is released before it is waited for", (context) => {
  const { native, id } = context, bench = new Bench(context), graph = indexing(bench);
  const ticket = context.launch(graph);
  context.check(native.aerie_graph_release(id, graph));
  context.check(native.aerie_batch_release(id, bench.batch));
  context.check(native.aerie_kv_release(id, bench.kv));
  context.check(native.aerie_weight_release(id, bench.weight));
  context.wait(ticket);
  assert.equal(context.poll(ticket), true);
  assertNative(() => context.launch(graph), Status.badHandle, /graph_launch: graph/);
  new Bench(context).work();
});

/** A graph of one op for each kind of number it indexes by. */
function indexing({ context, batch, kv, weight }: Bench): GraphId {
  const hidden = context.batchTensor(batch, "rows", 32), qkv = context.batchTensor(batch, "rows", 96);
  return context.record(() => {
    ops.embedding(context, hidden, batch, weight);
    ops.kvStore(context, kv, qkv, batch, 1, 1);
    ops.attention(context, hidden, qkv, kv, batch, 1, 1, 1, 0, 0);
  });
}
const wrong = [
  ["a token", { tokens: Int32Array.of(0, 5) }, /^batch_write: tokens\[1\] is 5 of 5$/],
  ["a slot", { slots: Int32Array.of(48, 0) }, /^batch_write: slots\[0\] is 48 of 48$/],
  ["a page", { pageTable: Int32Array.of(3) }, /^batch_write: page_table\[0\] is 3 of 3$/],
  ["a negative page", { pageTable: Int32Array.of(-1) }, /^batch_write: page_table\[0\] is -1 of 3$/],
  ["a row", { visible: Int32Array.of(1, 17) }, /^batch_write: row 1 sees 17 of 16 entries$/],
] as const;
for (const [label, change, text] of wrong) {
  refuses(
    `${label} that recorded ops cannot index with, when it is written`,
    (b) => {
      indexing(b);
      b.write(change);
    },
    Status.badArgument,
    text,
  );
  refuses(
    `${label} that ops recorded later cannot index with, at the launch`,
    (b) => {
      b.write(change);
      b.context.run(indexing(b));
    },
    Status.badArgument,
    new RegExp(text.source.replace("batch_write", "graph_launch")),
  );
}

testEachBackend("graphs over one batch may index different tensors by it", (context) => {
  const batch = context.createBatch({ rows: 4, segments: 1, pages: 1, outputs: 1 });
  const out = context.batchTensor(batch, "rows", 1);
  const [short, long] = [3, 9].map((rows) => {
    const pool = context.createTensor(rows, 1);
    return context.record(() => ops.gatherRows(context, out, pool, batch, 0));
  });
  const write = (source: number) =>
    context.writeBatch(batch, { ...rowsAt([0]), sources: Int32Array.of(source) });
  write(2);
  context.run(short!);
  write(8);
  context.run(long!);
  assertNative(() => context.run(short!), Status.badArgument, /^graph_launch: sources\[0\] is 8 of 3$/);
  assertNative(() => write(9), Status.badArgument, /^batch_write: sources\[0\] is 9 of 9$/);
});

refuses(
  "preparing for more rows than the batch has",
  (b) => b.context.prepare(indexing(b), { rows: 5, segments: 1, outputs: 1 }),
  Status.badShape,
  /graph_prepare: 5 rows, 1 segments, 1 outputs exceed 4, 2, 2/,
);
testEachBackend("a prepared graph runs batches of any size", (context) => {
  const bench = new Bench(context), graph = indexing(bench);
  context.prepare(graph, { rows: 1, segments: 1, outputs: 1 });
  context.run(graph);
  context.prepare(graph, { rows: 4, segments: 2, outputs: 2 });
  context.run(graph);
});
