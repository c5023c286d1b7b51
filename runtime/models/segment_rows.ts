/**
 * The segments of a forward as rows of a batch: which rows they take, and which of them are outputs.
 *
 * @module
 */
import type { Segment } from "../messages/scheduler_verifier.ts";
import { ancestorMasks, depthsOf, emptyTree, type VerifiedTree } from "../contracts/draft_tree.ts";
import type { RowWriter } from "./row_writer.ts";

/**
 * Where a segment's outputs are among those of its forward: rows whose hidden states or prompt logprobs are wanted, then
 * the sampled row, then the nodes of its tree.
 */
export interface SegmentLayout {
  readonly segment: Segment;
  /** The draft tree below the segment's last row; empty without one. */
  readonly tree: VerifiedTree;
  /** Nodes on the way to each node of the tree, itself included. */
  readonly depths: Int32Array;
  /** Rows of the segment that are outputs. */
  readonly firstOutputRow: number;
  readonly endOutputRow: number;
  /** The output of row `firstOutputRow`. */
  readonly firstOutput: number;
  /** The output of the first row with prompt logprobs. */
  readonly firstLogprob: number;
  /** The output of the first row whose hidden state is wanted. */
  readonly firstState: number;
  /** The output that draws the token after the segment's last row; node i of the tree is output `root + 1 + i`. */
  readonly root: number;
}

/** Lays out the segments of a forward, one after another. */
export function layOut(segments: readonly Segment[]): SegmentLayout[] {
  let firstOutput = 0;
  return segments.map((segment) => {
    const { tokens, sample, promptLogprobs, hiddenStates, tree = emptyTree } = segment;
    const numKnown = tokens.length - (sample ? 1 : 0);
    const firstLogprobRow = numKnown - (promptLogprobs?.numRows ?? 0);
    const firstStateRow = hiddenStates?.firstRow ?? tokens.length;
    const firstOutputRow = Math.min(firstLogprobRow, firstStateRow);
    const endOutputRow = firstLogprobRow < tokens.length
      ? tokens.length
      : firstStateRow + (hiddenStates?.numRows ?? 0);
    const outputOf = (row: number) => firstOutput + row - firstOutputRow;
    const layout = {
      segment,
      tree,
      depths: depthsOf(tree.parents),
      firstOutputRow,
      endOutputRow,
      firstOutput,
      firstLogprob: outputOf(firstLogprobRow),
      firstState: outputOf(firstStateRow),
      root: outputOf(numKnown),
    };
    firstOutput = outputOf(endOutputRow) + tree.tokens.length;
    return layout;
  });
}

/**
 * Writes the rows of all segments, the nodes of a tree behind the rows of its segment. A node's position is that of the
 * token it stands for, its KV entry the next free one.
 *
 * @throws {RangeError} if the segments exceed the batch's limits
 */
export function writeSegments(rows: RowWriter, layouts: readonly SegmentLayout[]): void {
  rows.begin(layouts.reduce((most, { segment }) => Math.max(most, segment.pages.length), 0));
  for (const { segment: { tokens, start, pages }, tree, depths, firstOutputRow, endOutputRow } of layouts) {
    rows.segment(pages);
    const end = start + tokens.length;
    for (let i = 0; i < tokens.length; i++) {
      const position = start + i;
      rows.add({ token: tokens[i]!, position, entry: position, visible: position + 1, mask: 0n });
      if (i >= firstOutputRow && i < endOutputRow) rows.output();
    }
    if (tree.tokens.length === 0) continue;
    const masks = ancestorMasks(tree.parents);
    for (let node = 0; node < tree.tokens.length; node++) {
      rows.add({
        token: tree.tokens[node]!,
        position: end - 1 + depths[node]!,
        entry: end + node,
        visible: end,
        mask: masks[node]!,
      });
      rows.output();
    }
  }
}

/** The KV slot in which an entry of a sequence lies. */
export function slotAt(pages: Int32Array, entry: number, pageSize: number): number {
  return pages[Math.floor(entry / pageSize)]! * pageSize + entry % pageSize;
}
