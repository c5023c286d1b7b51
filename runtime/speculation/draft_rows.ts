/**
 * The arrays of a draft model's forwards, filled row by row.
 *
 * @module
 */
import type { BatchLimits } from "../models/batch_rows.ts";
import type { BatchRows, Context } from "../../ffi/context.ts";
import type { BatchId } from "../../ffi/handles.ts";

/** One row. */
export interface DraftRow {
  readonly token: number;
  readonly position: number;
  /** Entry of its sequence: page table times page size. */
  readonly entry: number;
  /** Entries 0 .. visible-1 are seen. */
  readonly visible: number;
  /** Bit i: entry visible + i is seen too. */
  readonly mask: bigint;
  /** The row of the input states it takes; its own KV slot if absent. */
  readonly source?: number;
}

const none = new Int32Array(0);

/** Rows for one forward at a time. */
export class DraftRows {
  readonly #batch: BatchId;
  readonly #context: Context;
  readonly #pageSize: number;
  readonly #maxPages: number;
  readonly #rows: BatchRows;
  readonly #sources: Int32Array<ArrayBuffer>;
  #numRows = 0;
  #numSegments = 0;
  #numOutputs = 0;
  #pagesPerSegment = 1;

  constructor(context: Context, batch: BatchId, limits: BatchLimits, pageSize: number) {
    const { rows, segments, pages, outputs } = limits;
    this.#batch = batch;
    this.#context = context;
    this.#pageSize = pageSize;
    this.#maxPages = pages;
    this.#sources = new Int32Array(rows);
    this.#rows = {
      tokens: new Int32Array(rows),
      positions: new Int32Array(rows),
      slots: new Int32Array(rows),
      visible: new Int32Array(rows),
      treeMasks: new BigUint64Array(rows),
      segmentStarts: new Int32Array(segments + 1),
      pageTable: new Int32Array(segments * pages),
      outputs: new Int32Array(outputs),
      numRows: 0,
      numSegments: 0,
      pagesPerSegment: 0,
      numOutputs: 0,
    };
  }

  /** Rows so far. */
  get numRows(): number {
    return this.#numRows;
  }

  /** Starts a forward whose longest page table has so many pages. */
  begin(pagesPerSegment: number): void {
    if (pagesPerSegment > this.#maxPages) {
      throw new RangeError(`Cannot draft: ${pagesPerSegment} pages, expected at most ${this.#maxPages}`);
    }
    this.#numRows = this.#numSegments = this.#numOutputs = 0;
    this.#pagesPerSegment = Math.max(1, pagesPerSegment);
  }

  /** Starts the rows of a sequence, whose entries lie in `pages` and then in `more`. */
  segment(pages: Int32Array, more: Int32Array = none): void {
    const first = this.#numSegments++ * this.#pagesPerSegment, { pageTable, segmentStarts } = this.#rows;
    pageTable.fill(0, first, first + this.#pagesPerSegment);
    pageTable.set(pages, first);
    pageTable.set(more, first + pages.length);
    segmentStarts[this.#numSegments] = this.#numRows;
  }

  /** Adds a row to the sequence begun last. */
  add({ token, position, entry, visible, mask, source }: DraftRow): void {
    const row = this.#numRows++, rows = this.#rows, size = this.#pageSize;
    const page = rows.pageTable[(this.#numSegments - 1) * this.#pagesPerSegment + Math.floor(entry / size)]!;
    rows.tokens[row] = token;
    rows.positions[row] = position;
    rows.slots[row] = page * size + entry % size;
    rows.visible[row] = visible;
    rows.treeMasks[row] = mask;
    rows.segmentStarts[this.#numSegments] = this.#numRows;
    this.#sources[row] = source ?? rows.slots[row]!;
  }

  /** Makes the row added last an output; returns its number among them. */
  output(): number {
    this.#rows.outputs[this.#numOutputs] = this.#numRows - 1;
    return this.#numOutputs++;
  }

  /** Hands the rows to the batch; returns the number of outputs. */
  write(): number {
    this.#context.writeBatch(this.#batch, {
      ...this.#rows,
      numRows: this.#numRows,
      numSegments: this.#numSegments,
      pagesPerSegment: this.#pagesPerSegment,
      numOutputs: this.#numOutputs,
      sources: this.#sources,
    });
    return this.#numOutputs;
  }
}
