/**
 * Misuse of the native interface: what is refused, how, and that nothing is broken by it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { BatchRows, Context } from "../../ffi/context.ts";
import type { BatchId, KvId, TensorId, WeightId } from "../../ffi/handles.ts";
import { codeOfStatus, NativeError, type NativeErrorCode } from "../../ffi/error.ts";
import * as ops from "../../ffi/ops.ts";
import { rowsAt } from "./batches.ts";
import { mapBytes, withContext } from "./native.ts";

/** The statuses of aerie.h that misuse yields. */
export const Status = {
  badArgument: 1,
  badShape: 2,
  badHandle: 3,
  outOfMemory: 4,
  unsupported: 5,
  device: 6,
} as const;

/** A small batch with everything that hangs on it. */
export class Bench {
  readonly context: Context;
  readonly batch: BatchId;
  readonly kv: KvId;
  readonly weight: WeightId;

  constructor(context: Context) {
    this.context = context;
    this.batch = context.createBatch({ rows: 4, segments: 2, pages: 2, outputs: 2 });
    const pool = { layers: 2, pages: 3, pageSize: 16, kvHeads: 1, headDim: 32 };
    this.kv = context.createKv(pool, "float32");
    this.weight = context.createWeight(5, 32);
    const file = mapBytes(context, new Uint8Array(5 * 32 * 4));
    context.appendWeight(this.weight, { file, offset: 0, format: "F32" }, 5, 0);
    context.packWeight(this.weight, "float32");
    this.write();
  }

  /** Writes two good rows, or rows with some arrays replaced. */
  write(change: Partial<BatchRows> = {}): void {
    this.context.writeBatch(this.batch, { ...rowsAt([0, 1]), ...change });
  }

  rows(cols: number): TensorId {
    return this.context.batchTensor(this.batch, "rows", cols);
  }

  /** Runs one op of each kind: nothing that went wrong before may matter. */
  work(): void {
    const { context, batch, kv, weight } = this;
    this.write();
    const x = this.rows(32), qkv = this.rows(96);
    ops.embedding(context, x, batch, weight);
    ops.kvStore(context, kv, qkv, batch, 1, 1);
    ops.attention(context, x, qkv, kv, batch, 1, 1, 1, 0, 0);
    ops.linear(context, this.rows(5), x, weight);
  }
}

/** Registers a test: `body` throws with this status and text, and the context works on. */
export function refuses(label: string, body: (bench: Bench) => void, status: number, text: RegExp): void {
  Deno.test(`refused: ${label}`, () =>
    withContext("portable", 2, (context) => {
      const bench = new Bench(context);
      assertNative(() => body(bench), status, text);
      bench.work();
    }));
}

/** Fails unless `body` throws a {@linkcode NativeError} with this text and this code, or that of this status. */
export function assertNative(body: () => void, status: number | NativeErrorCode, text: RegExp): void {
  const code = typeof status === "number" ? codeOfStatus(status) : status;
  assert.throws(body, (error) => {
    assert.ok(error instanceof NativeError, `${error}`);
    assert.match(error.message, text);
    assert.equal(error.code, code, error.message);
    return true;
  });
}
