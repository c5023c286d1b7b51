/**
 * Turns the segments of a forward into the arrays of a native batch.
 *
 * @module
 */
import type { Segment } from "../messages/scheduler_verifier.ts";
import { ancestorMasks, depthsOf } from "../contracts/draft_tree.ts";
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
   * Rows of all segments one after another, the nodes of a tree behind the rows of its segment. Outputs are, per segment,
   * its prompt-logprob rows, then its sampled row, then the nodes.
   *
   * @throws {RangeError} if the segments exceed the limits
   */
  build(segments: readonly Segment[]): BatchRows {
    const pagesPerSegment = Math.max(...segments.map((segment) => segment.pages.length));
    let row = 0, numOutputs = 0;
    segments.forEach((segment, s) => {
      const first = row, { tokens, start, pages, sample, promptLogprobs, tree } = segment;
      const end = start + tokens.length, numNodes = tree?.tokens.length ?? 0;
      if (first + tokens.length + numNodes > this.#limits.rows) {
        throw new RangeError(`Cannot build batch: over ${this.#limits.rows} rows`);
      }
      this.#tokens.set(tokens, first);
      for (let position = start; position < end; position++, row++) {
        this.#positions[row] = position;
        this.#slots[row] = slotAt(pages, position, this.#pageSize);
        this.#visible[row] = position + 1;
      }
      this.#treeMasks.fill(0n, first, row);
      this.#pageTable.fill(0, s * pagesPerSegment, (s + 1) * pagesPerSegment);
      this.#pageTable.set(pages, s * pagesPerSegment);
      const known = row - (sample ? 1 : 0);
      for (let i = known - (promptLogprobs?.numRows ?? 0); i < known; i++) this.#outputs[numOutputs++] = i;
      if (sample) this.#outputs[numOutputs++] = row - 1;
      if (tree) {
        const depths = depthsOf(tree.parents), masks = ancestorMasks(tree.parents);
        this.#tokens.set(tree.tokens, row);
        this.#treeMasks.set(masks, row);
        for (let node = 0; node < numNodes; node++, row++) {
          this.#positions[row] = end - 1 + depths[node]!;
          this.#slots[row] = slotAt(pages, end + node, this.#pageSize);
          this.#visible[row] = end;
          this.#outputs[numOutputs++] = row;
        }
      }
      this.#segmentStarts[s + 1] = row;
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

/** Where in the KV pool the entry `index` of a sequence lies. */
export function slotAt(pages: Int32Array, index: number, pageSize: number): number {
  return pages[Math.floor(index / pageSize)]! * pageSize + index % pageSize;
}
