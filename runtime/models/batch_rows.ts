/**
 * Turns the segments of a forward into the arrays of a native batch.
 *
 * @module
 */
import type { Segment } from "../messages.ts";
import type { BatchRows } from "../../ffi/context.ts";

/** Limits of a batch. */
export interface BatchLimits {
  readonly rows: number;
  readonly segments: number;
  readonly pages: number;
  readonly outputs: number;
}

/** Reusable arrays for one forward at a time. */
export class BatchRowsBuilder {
  readonly #pageSize: number;
  readonly #limits: BatchLimits;
  readonly #tokens: Int32Array<ArrayBuffer>;
  readonly #positions: Int32Array<ArrayBuffer>;
  readonly #slots: Int32Array<ArrayBuffer>;
  readonly #visible: Int32Array<ArrayBuffer>;
  readonly #treeMasks: BigUint64Array<ArrayBuffer>;
  readonly #segmentStarts: Int32Array<ArrayBuffer>;
  readonly #pageTable: Int32Array<ArrayBuffer>;
  readonly #outputs: Int32Array<ArrayBuffer>;

  constructor(limits: BatchLimits, pageSize: number) {
    this.#pageSize = pageSize;
    this.#limits = limits;
    this.#tokens = new Int32Array(limits.rows);
    this.#positions = new Int32Array(limits.rows);
    this.#slots = new Int32Array(limits.rows);
    this.#visible = new Int32Array(limits.rows);
    this.#treeMasks = new BigUint64Array(limits.rows);
    this.#segmentStarts = new Int32Array(limits.segments + 1);
    this.#pageTable = new Int32Array(limits.segments * limits.pages);
    this.#outputs = new Int32Array(limits.outputs);
  }

  /**
   * Rows of all segments one after another. Outputs are, per segment, its prompt-logprob rows, then its sampled row.
   *
   * @throws {RangeError} if the segments exceed the limits
   */
  build(segments: readonly Segment[]): BatchRows {
    const pagesPerSegment = Math.max(...segments.map((segment) => segment.pages.length));
    let row = 0, numOutputs = 0;
    segments.forEach((segment, s) => {
      const first = row, { tokens, start, pages, sample, promptLogprobs } = segment;
      if (first + tokens.length > this.#limits.rows) {
        throw new RangeError(`Cannot build batch: over ${this.#limits.rows} rows`);
      }
      this.#tokens.set(tokens, first);
      for (let i = 0; i < tokens.length; i++, row++) {
        const position = start + i;
        this.#positions[row] = position;
        this.#slots[row] = pages[Math.floor(position / this.#pageSize)]! * this.#pageSize +
          position % this.#pageSize;
        this.#visible[row] = position + 1;
      }
      this.#pageTable.fill(0, s * pagesPerSegment, (s + 1) * pagesPerSegment);
      this.#pageTable.set(pages, s * pagesPerSegment);
      this.#segmentStarts[s + 1] = row;
      const known = row - (sample ? 1 : 0);
      for (let i = known - (promptLogprobs?.numRows ?? 0); i < known; i++) this.#outputs[numOutputs++] = i;
      if (sample) this.#outputs[numOutputs++] = row - 1;
    });
    return {
      tokens: this.#tokens,
      positions: this.#positions,
      slots: this.#slots,
      visible: this.#visible,
      treeMasks: this.#treeMasks,
      segmentStarts: this.#segmentStarts,
      pageTable: this.#pageTable,
      outputs: this.#outputs,
      numRows: row,
      numSegments: segments.length,
      pagesPerSegment,
      numOutputs,
    };
  }
}
