/**
 * The rows of one forward of a draft model: those of committed tokens, or those of one level of growing trees.
 *
 * @module
 */
import type { BatchRows } from "../../ffi/context.ts";
import { type BatchLimits, slotAt } from "../models/batch_rows.ts";

/** One row. */
export interface DraftRow {
  readonly token: number;
  readonly position: number;
  /** Where in its sequence the KV goes; tree rows have their own entries behind the committed ones. */
  readonly entry: number;
  /** Leading entries it sees. */
  readonly visible: number;
  /** Bit i: it sees entry `visible` + i too. */
  readonly mask: bigint;
  readonly isOutput: boolean;
}

/** Arrays that are filled again for each forward. */
export class DraftRows {
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
  #pages: Int32Array = new Int32Array(0);
  #numRows = 0;
  #numSegments = 0;
  #numOutputs = 0;

  constructor(limits: BatchLimits, pageSize: number) {
    this.#limits = limits;
    this.#pageSize = pageSize;
    this.#tokens = new Int32Array(limits.rows);
    this.#positions = new Int32Array(limits.rows);
    this.#slots = new Int32Array(limits.rows);
    this.#visible = new Int32Array(limits.rows);
    this.#treeMasks = new BigUint64Array(limits.rows);
    this.#segmentStarts = new Int32Array(limits.segments + 1);
    this.#pageTable = new Int32Array(limits.segments * limits.pages);
    this.#outputs = new Int32Array(limits.outputs);
  }

  get numRows(): number {
    return this.#numRows;
  }

  get numOutputs(): number {
    return this.#numOutputs;
  }

  /** Starts the rows of a forward. */
  clear(): void {
    this.#numRows = this.#numSegments = this.#numOutputs = 0;
  }

  /** Starts the rows of a sequence. */
  startSegment(pages: Int32Array): void {
    this.#pages = pages;
    this.#pageTable.set(pages, this.#numSegments * this.#limits.pages);
    this.#segmentStarts[++this.#numSegments] = this.#numRows;
  }

  /** Adds a row to the sequence started last. */
  add({ token, position, entry, visible, mask, isOutput }: DraftRow): void {
    const row = this.#numRows++;
    this.#tokens[row] = token;
    this.#positions[row] = position;
    this.#slots[row] = slotAt(this.#pages, entry, this.#pageSize);
    this.#visible[row] = visible;
    this.#treeMasks[row] = mask;
    if (isOutput) this.#outputs[this.#numOutputs++] = row;
    this.#segmentStarts[this.#numSegments] = this.#numRows;
  }

  /** For `writeBatch`. */
  finish(): BatchRows {
    return {
      tokens: this.#tokens,
      positions: this.#positions,
      slots: this.#slots,
      visible: this.#visible,
      treeMasks: this.#treeMasks,
      segmentStarts: this.#segmentStarts,
      pageTable: this.#pageTable,
      outputs: this.#outputs,
      numRows: this.#numRows,
      numSegments: this.#numSegments,
      pagesPerSegment: this.#limits.pages,
      numOutputs: this.#numOutputs,
    };
  }
}
