/**
 * One native context in several Workers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Context } from "../../ffi/context.ts";
import type { ContextId } from "../../ffi/handles.ts";
import { siluMul } from "../../ffi/ops.ts";
import type { AttachedWork } from "../support/attached_worker.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertSameBits } from "../support/close.ts";
import { assertNative, Status } from "../support/misuse.ts";
import { libraryPath, normals, readRows, tensorOf, withContext } from "../support/native.ts";

const ROWS = 16, COLS = 40;

Deno.test("an attached context shares handles, and disposing it ends nothing", () =>
  withContext("portable", 2, (context) => {
    const tensor = tensorOf(context, Float32Array.of(1, 2), 2);
    {
      using attached = Context.attach(libraryPath, context.id);
      assert.deepEqual([...readRows(attached, tensor, 1, 2)], [1, 2]);
    }
    assert.deepEqual([...readRows(context, tensor, 1, 2)], [1, 2]);
  }));

Deno.test("attaching to a context that is gone is refused", () =>
  assertNative(
    () => Context.attach(libraryPath, 0xfff as ContextId),
    Status.badHandle,
    /context: 4095 is not live/,
  ));

Deno.test("Workers that record and run in one context at once do not disturb each other", async () => {
  using context = new Context(libraryPath, { device: "cpu", threads: 2 });
  const inputs = Array.from(
    { length: 3 },
    (_, i) => tensorOf(context, normals(seededRandom(i), ROWS * 2 * COLS), 2 * COLS),
  );
  const expected = inputs.map((x) => {
    const out = context.createTensor(ROWS, COLS);
    siluMul(context, out, x);
    return readRows(context, out, ROWS, COLS);
  });
  const results = await Promise.all(inputs.map(async (x) => {
    const worker = new Worker(import.meta.resolve("../support/attached_worker.ts"), { type: "module" });
    const work: AttachedWork = { libraryPath, context: context.id, x, rows: ROWS, cols: COLS, repeats: 200 };
    const done = new Promise<Float32Array>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(event.error ?? event.message);
    });
    worker.postMessage(work);
    return await done.finally(() => worker.terminate());
  }));
  results.forEach((result, i) => assertSameBits(result, expected[i]!, `Worker ${i}`));
});
