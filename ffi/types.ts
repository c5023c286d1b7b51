/**
 * What a context and its methods take: the device, ranges of files, the rows of a forward and their limits.
 *
 * @module
 */
import type { Device, Format } from "./enums.ts";
import type { FileId } from "./handles.ts";

/** What a context is made on. */
export interface ContextOptions {
  readonly device: keyof typeof Device;
  /** Number of the device among those of its kind; 0 if left out. */
  readonly deviceIndex?: number;
  /** Threads of the host. */
  readonly threads: number;
}

/** A range of a mapped file. */
export interface FileRange {
  readonly file: FileId;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly format: keyof typeof Format;
  /** Bytes from a row to the next; absent: rows are contiguous. Set for columns of a wider matrix. */
  readonly rowBytes?: number;
}

/** Rows, segments and outputs of a batch at most. */
export interface BatchLimits {
  readonly rows: number;
  readonly segments: number;
  /** Pages of a segment. */
  readonly pages: number;
  readonly outputs: number;
}

/** The rows of one forward; see `aerie_batch_write`. Lengths: rows, segments + 1, segments * pagesPerSegment, outputs. */
export interface BatchRows {
  readonly tokens: Int32Array<ArrayBuffer>;
  readonly positions: Int32Array<ArrayBuffer>;
  readonly slots: Int32Array<ArrayBuffer>;
  readonly visible: Int32Array<ArrayBuffer>;
  readonly treeMasks: BigUint64Array<ArrayBuffer>;
  readonly segmentStarts: Int32Array<ArrayBuffer>;
  readonly pageTable: Int32Array<ArrayBuffer>;
  readonly outputs: Int32Array<ArrayBuffer>;
  /** Per row, the row of another tensor that `gatherRows` takes. */
  readonly sources?: Int32Array<ArrayBuffer>;
  readonly numRows: number;
  readonly numSegments: number;
  readonly pagesPerSegment: number;
  readonly numOutputs: number;
}
