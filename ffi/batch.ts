/**
 * What hangs on a native batch: its arrays, allocated once and filled anew for every forward, and what exists while a
 * graph runs.
 *
 * @module
 */
import type { Context } from "./context.ts";
import { Scope } from "./enums.ts";
import type { BatchId, TensorId } from "./handles.ts";
import type { BatchLimits, BatchRows } from "./types.ts";

/** The arrays of one forward at a time. Their lengths are the limits; the counts say how much of them is used. */
export class BatchArrays implements BatchRows {
  readonly tokens: Int32Array<ArrayBuffer>;
  readonly positions: Int32Array<ArrayBuffer>;
  readonly slots: Int32Array<ArrayBuffer>;
  readonly visible: Int32Array<ArrayBuffer>;
  readonly treeMasks: BigUint64Array<ArrayBuffer>;
  readonly sources: Int32Array<ArrayBuffer>;
  readonly segmentStarts: Int32Array<ArrayBuffer>;
  readonly pageTable: Int32Array<ArrayBuffer>;
  readonly outputs: Int32Array<ArrayBuffer>;
  numRows = 0;
  numSegments = 0;
  pagesPerSegment = 1;
  numOutputs = 0;

  constructor({ rows, segments, pages, outputs }: BatchLimits) {
    this.tokens = new Int32Array(rows);
    this.positions = new Int32Array(rows);
    this.slots = new Int32Array(rows);
    this.visible = new Int32Array(rows);
    this.treeMasks = new BigUint64Array(rows);
    this.sources = new Int32Array(rows);
    this.segmentStarts = new Int32Array(segments + 1);
    this.pageTable = new Int32Array(segments * pages);
    this.outputs = new Int32Array(outputs);
  }

  /** Bytes of the arrays for such limits. */
  static bytes({ rows, segments, pages, outputs }: BatchLimits): number {
    const numIntegers = 5 * rows + (segments + 1) + segments * pages + outputs;
    return numIntegers * Int32Array.BYTES_PER_ELEMENT + rows * BigUint64Array.BYTES_PER_ELEMENT;
  }
}

/**
 * Creates a float32 matrix with a row per row or output of the batch that exists only while a graph runs: from the op
 * that writes it to the last that reads it. Such matrices share memory, and nobody but ops may read or write them.
 */
export function temporaryTensor(
  context: Context,
  batch: BatchId,
  scope: keyof typeof Scope,
  cols: number,
): TensorId {
  const { native, id } = context;
  return context.create((out) => native.aerie_batch_temporary(id, out, batch, Scope[scope], cols));
}
