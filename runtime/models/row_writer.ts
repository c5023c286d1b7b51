/**
 * Writes the rows of a forward, one after another, into the arrays of a native batch: those of the target's segments and
 * those of a draft model alike.
 *
 * @module
 */
import { BatchArrays } from "../../ffi/batch.ts";
import type { BatchLimits, BatchRows } from "../../ffi/types.ts";

/** One row. */
export interface BatchRow {
  readonly token: number;
  readonly position: number;
  /** KV entry of its sequence that the row writes; the page table says in which slot that lies. */
  readonly entry: number;
  /** Entries 0 .. visible-1 are seen. */
  readonly visible: number;
  /** Bit i: entry visible + i is seen too. */
  readonly mask: bigint;
  /** The row of the input states it takes; its own KV slot if absent. */
  readonly source?: number;
}

const NO_PAGES = new Int32Array(0);

/** Rows for one forward at a time; the arrays are reused. */
export class RowWriter {
  readonly #limits: BatchLimits;
  readonly #pageSize: number;
  readonly #arrays: BatchArrays;

  constructor(limits: BatchLimits, pageSize: number) {
    this.#limits = limits;
    this.#pageSize = pageSize;
    this.#arrays = new BatchArrays(limits);
  }

  /** The rows written since {@linkcode begin}, for `Context.writeBatch`. */
  get arrays(): BatchRows {
    return this.#arrays;
  }

  /** Rows written since {@linkcode begin}. */
  get numRows(): number {
    return this.#arrays.numRows;
  }

  /** Starts a forward whose page tables have at most `pagesPerSegment` pages. */
  begin(pagesPerSegment: number): void {
    this.#limit(pagesPerSegment, "pages");
    const arrays = this.#arrays;
    arrays.numRows = arrays.numSegments = arrays.numOutputs = 0;
    arrays.pagesPerSegment = Math.max(1, pagesPerSegment);
  }

  /** Starts the rows of a sequence, whose entries lie in `pages` and then in `more`. */
  segment(pages: Int32Array, more: Int32Array = NO_PAGES): void {
    const { pageTable, segmentStarts, pagesPerSegment, numRows } = this.#arrays;
    const first = this.#arrays.numSegments * pagesPerSegment;
    this.#limit(++this.#arrays.numSegments, "segments");
    pageTable.fill(0, first, first + pagesPerSegment);
    pageTable.set(pages, first);
    pageTable.set(more, first + pages.length);
    segmentStarts[this.#arrays.numSegments] = numRows;
  }

  /** Adds a row to the segment begun last. */
  add({ token, position, entry, visible, mask, source }: BatchRow): void {
    const arrays = this.#arrays, row = arrays.numRows++, page = Math.floor(entry / this.#pageSize);
    this.#limit(arrays.numRows, "rows");
    const table = (arrays.numSegments - 1) * arrays.pagesPerSegment;
    const slot = arrays.pageTable[table + page]! * this.#pageSize + entry % this.#pageSize;
    arrays.tokens[row] = token;
    arrays.positions[row] = position;
    arrays.slots[row] = slot;
    arrays.visible[row] = visible;
    arrays.treeMasks[row] = mask;
    arrays.sources[row] = source ?? slot;
    arrays.segmentStarts[arrays.numSegments] = arrays.numRows;
  }

  /** Makes the row added last an output, and returns its number among them. */
  output(): number {
    const arrays = this.#arrays, output = arrays.numOutputs++;
    this.#limit(arrays.numOutputs, "outputs");
    arrays.outputs[output] = arrays.numRows - 1;
    return output;
  }

  #limit(count: number, of: keyof BatchLimits): void {
    if (count > this.#limits[of]) throw new RangeError(`Cannot build batch: over ${this.#limits[of]} ${of}`);
  }
}
