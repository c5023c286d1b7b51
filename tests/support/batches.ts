/**
 * Batches for tests of single ops.
 *
 * @module
 */
import type { BatchRows } from "../../ffi/context.ts";
import type { Random } from "./block_formats.ts";

/** A sequence in a batch. */
export interface SegmentRows {
  /** Entries already in KV. */
  readonly prefix: number;
  /** Rows of this forward: consecutive tokens, or the nodes of a tree. */
  readonly rows: number;
  readonly pages: Int32Array;
  /** Parent of each node, -1 for those that follow the prefix; makes the rows a tree. */
  readonly parents?: readonly number[];
}

/** The rows of several sequences; a tree's node i sits in the slot after the prefix and i nodes. */
export function rowsOf(segments: readonly SegmentRows[], pageSize: number): BatchRows {
  const pagesPerSegment = Math.max(...segments.map(({ pages }) => pages.length));
  const pageTable = new Int32Array(segments.length * pagesPerSegment);
  const starts = [0],
    positions: number[] = [],
    slots: number[] = [],
    visible: number[] = [],
    masks: bigint[] = [];
  segments.forEach(({ prefix, rows, pages, parents }, s) => {
    pageTable.set(pages, s * pagesPerSegment);
    const first = starts[s]!;
    for (let i = 0; i < rows; i++) {
      const entry = prefix + i, parent = parents?.[i] ?? -1;
      positions.push(entry);
      slots.push(pages[Math.floor(entry / pageSize)]! * pageSize + entry % pageSize);
      visible.push(parents ? prefix : entry + 1);
      masks.push(parents ? (parent < 0 ? 0n : masks[first + parent]!) | 1n << BigInt(i) : 0n);
    }
    starts.push(first + rows);
  });
  return {
    tokens: new Int32Array(positions.length),
    positions: Int32Array.from(positions),
    slots: Int32Array.from(slots),
    visible: Int32Array.from(visible),
    treeMasks: BigUint64Array.from(masks),
    segmentStarts: Int32Array.from(starts),
    pageTable,
    outputs: new Int32Array(0),
    numRows: positions.length,
    numSegments: segments.length,
    pagesPerSegment,
    numOutputs: 0,
  };
}

/** One segment whose rows sit at these positions, in page 0. */
export function rowsAt(positions: readonly number[], options: {
  readonly tokens?: readonly number[];
  readonly outputs?: readonly number[];
} = {}): BatchRows {
  const { tokens = positions.map(() => 0), outputs = [] } = options;
  return {
    tokens: Int32Array.from(tokens),
    positions: Int32Array.from(positions),
    slots: new Int32Array(positions.length),
    visible: new Int32Array(positions.length).fill(1),
    treeMasks: new BigUint64Array(positions.length),
    segmentStarts: Int32Array.of(0, positions.length),
    pageTable: new Int32Array(1),
    outputs: Int32Array.from(outputs),
    numRows: positions.length,
    numSegments: 1,
    pagesPerSegment: 1,
    numOutputs: outputs.length,
  };
}

/** The numbers 0 .. length - 1 in random order (Fisher & Yates). */
export function shuffled(length: number, random: Random): Int32Array<ArrayBuffer> {
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
