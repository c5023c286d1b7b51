/**
 * One native context in several threads, of which one changes the number of native threads, or dies.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Context } from "../../ffi/context.ts";
import { siluMul } from "../../ffi/ops.ts";
import type { AttachedWork } from "../support/attached_worker.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertSameBits } from "../support/close.ts";
import { libraryPath, normals, readRows, tensorOf } from "../support/native.ts";

const ROWS = 16, COLS = 40, MAX_THREADS = 4;

/** A Worker's first answer to `message`; the Worker is terminated then. */
async function ask<Answer>(script: string, message: unknown): Promise<Answer> {
  const worker = new Worker(import.meta.resolve(`../support/${script}`), { type: "module" });
  const answer = new Promise<Answer>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(event.error ?? new Error(event.message));
    };
  });
  worker.postMessage(message);
  return await answer.finally(() => worker.terminate());
}

Deno.test("native threads may come and go while another thread runs forwards in the same context", async () => {
  using context = new Context(libraryPath, { device: "cpu", threads: MAX_THREADS });
  const x = tensorOf(context, normals(seededRandom(1), ROWS * 2 * COLS), 2 * COLS);
  const out = context.createTensor(ROWS, COLS);
  siluMul(context, out, x);
  const expected = readRows(context, out, ROWS, COLS);
  const work: AttachedWork = { libraryPath, context: context.id, x, rows: ROWS, cols: COLS, repeats: 2000 };
  let isDone = false, numResizes = 0;
  const result = ask<Float32Array>("attached_worker.ts", work).finally(() => isDone = true);
  while (!isDone) {
    context.setThreads(1 + numResizes++ % MAX_THREADS);
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertSameBits(await result, expected, `${numResizes} changes`);
  assert.ok(numResizes > MAX_THREADS, `${numResizes} changes`);
});

Deno.test("native threads that grow in number right after a run leave none waiting for ever", async () => {
  const script = new URL("../support/growing_pool.ts", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", script, libraryPath, "1000"],
    signal: AbortSignal.timeout(60_000),
  });
  // A context that ends waits for its threads.
  assert.equal((await process.output()).code, 0, "killed after a minute");
});

Deno.test("what a thread recorded when it died is dropped, and the other threads go on", async () => {
  using context = new Context(libraryPath, { device: "cpu", threads: 2 });
  assert.equal(await ask("dying_recorder.ts", { libraryPath, context: context.id }), "recording");
  const x = tensorOf(context, Float32Array.of(1, 2), 2), out = context.createTensor(1, 1);
  context.run(context.record(() => siluMul(context, out, x)));
  assert.ok(readRows(context, out, 1, 1)[0]! > 1);
});

Deno.test("a context whose recording thread died can be disposed of, and others work", async () => {
  const context = new Context(libraryPath, { device: "cpu", threads: 2 });
  try {
    assert.equal(await ask("dying_recorder.ts", { libraryPath, context: context.id }), "recording");
  } finally {
    context[Symbol.dispose]();
  }
  using next = new Context(libraryPath, { device: "cpu", threads: 2 });
  const x = tensorOf(next, Float32Array.of(1, 2), 2);
  assert.deepEqual([...readRows(next, x, 1, 2)], [1, 2]);
});

Deno.test("disposing of a context that records lets go of the threads that wait for it", async () => {
  const context = new Context(libraryPath, { device: "cpu", threads: 1 });
  context.check(context.native.aerie_graph_begin(context.id));
  const answer = ask<string>("waiting_worker.ts", { libraryPath, context: context.id });
  // Time for the Worker to come and wait; should it be late, it is refused.
  await new Promise((resolve) => setTimeout(resolve, 300));
  context[Symbol.dispose]();
  assert.match(await answer.catch(String), /attached|is not live/);
});
