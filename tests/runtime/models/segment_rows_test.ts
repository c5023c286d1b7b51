/**
 * Segments of a forward as the arrays of a native batch.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { BatchRows } from "../../../ffi/context.ts";
import { chainOf } from "../../../runtime/contracts/draft_tree.ts";
import type { Segment } from "../../../runtime/messages/scheduler_verifier.ts";
import { RowWriter } from "../../../runtime/models/row_writer.ts";
import { layOut, slotAt, writeSegments } from "../../../runtime/models/segment_rows.ts";

const PAGE_SIZE = 16;
/** 10 and 11; 20 and 21 below 10; 30 below 20. */
const TREE = {
  tokens: Int32Array.of(10, 11, 20, 21, 30),
  parents: Int32Array.of(-1, -1, 0, 0, 2),
  probabilities: Float32Array.of(.6, .3, .3, .24, .27),
};

function writer(limits = { rows: 64, segments: 4, pages: 4, outputs: 8 }): RowWriter {
  return new RowWriter(limits, PAGE_SIZE);
}

function rowsOf(segments: readonly Segment[], rows = writer()): BatchRows {
  writeSegments(rows, layOut(segments));
  return rows.arrays;
}

function segment(tokens: number[], start: number, pages: number[], rest: Partial<Segment> = {}): Segment {
  const base = { requestId: "r", start, sample: false };
  return { ...base, tokens: Int32Array.from(tokens), pages: Int32Array.from(pages), ...rest };
}

function filled(length: number): number[] {
  return Array.from({ length }, (_, i) => 100 + i);
}

Deno.test("rows carry token, position, slot and what they see", () => {
  const rows = rowsOf([segment([5, 6, 7, 8], 14, [3, 1], { sample: true }), segment([9], 0, [2])]);
  assert.equal(rows.numRows, 5);
  const slots = [3 * 16 + 14, 3 * 16 + 15, 1 * 16, 1 * 16 + 1, 2 * 16];
  assert.deepEqual([...rows.tokens.subarray(0, 5)], [5, 6, 7, 8, 9]);
  assert.deepEqual([...rows.positions.subarray(0, 5)], [14, 15, 16, 17, 0]);
  assert.deepEqual([...rows.slots.subarray(0, 5)], slots);
  assert.deepEqual([...rows.sources!.subarray(0, 5)], slots, "a row's states are its own");
  assert.deepEqual([...rows.visible.subarray(0, 5)], [15, 16, 17, 18, 1]);
  assert.deepEqual([...rows.treeMasks.subarray(0, 5)], [0n, 0n, 0n, 0n, 0n]);
});

Deno.test("segments follow one another, page tables are as wide as the widest", () => {
  const rows = rowsOf([
    segment(filled(3), 0, [7]),
    segment(filled(1), 40, [4, 5, 6]),
    segment(filled(2), 16, [9, 8]),
  ]);
  assert.equal(rows.numSegments, 3);
  assert.equal(rows.pagesPerSegment, 3);
  assert.deepEqual([...rows.segmentStarts.subarray(0, 4)], [0, 3, 4, 6]);
  assert.deepEqual([...rows.pageTable.subarray(0, 9)], [7, 0, 0, 4, 5, 6, 9, 8, 0]);
});

Deno.test("outputs are a segment's prompt-logprob rows, then its sampled row", () => {
  const promptLogprobs = { numRows: 2, nextTokens: Int32Array.of(1, 2) };
  const rows = rowsOf([
    segment(filled(5), 0, [0], { sample: true, promptLogprobs }),
    segment(filled(4), 0, [1]),
    segment(filled(3), 0, [2], { promptLogprobs }),
    segment(filled(2), 0, [3], { sample: true }),
  ]);
  assert.equal(rows.numOutputs, 6);
  assert.deepEqual([...rows.outputs.subarray(0, 6)], [2, 3, 4, 10, 11, 13]);
});

Deno.test("a tree's nodes follow the rows of their segment: each sees what is committed, its ancestors and itself", () => {
  const rows = rowsOf([
    segment([1, 2], 14, [3, 6, 7], { sample: true, tree: TREE }),
    segment([9], 0, [2], { sample: true }),
  ]);
  assert.deepEqual([...rows.segmentStarts.subarray(0, 3)], [0, 7, 8]);
  const nodes = <T>(of: { subarray(first: number, end: number): Iterable<T> }) => [...of.subarray(2, 7)];
  assert.deepEqual(nodes(rows.tokens), [10, 11, 20, 21, 30]);
  assert.deepEqual(nodes(rows.positions), [16, 16, 17, 17, 18], "by depth");
  assert.deepEqual(nodes(rows.slots), [96, 97, 98, 99, 100], "one after another");
  assert.deepEqual(nodes(rows.visible), [16, 16, 16, 16, 16]);
  assert.deepEqual(nodes(rows.treeMasks), [0b1n, 0b10n, 0b101n, 0b1001n, 0b10101n]);
  assert.deepEqual([...rows.outputs.subarray(0, rows.numOutputs)], [1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("a layout says which outputs are a segment's", () => {
  const promptLogprobs = { numRows: 2, nextTokens: Int32Array.of(1, 2) };
  const layouts = layOut([
    segment(filled(5), 0, [0], { sample: true, promptLogprobs }),
    segment(filled(4), 0, [1]),
    segment(filled(1), 4, [2], { sample: true, tree: TREE }),
    segment(filled(3), 0, [2], { promptLogprobs }),
    segment(filled(2), 0, [3], { sample: true }),
    segment(filled(5), 0, [4], { sample: true, promptLogprobs, hiddenStates: { firstRow: 1, numRows: 4 } }),
    segment(filled(5), 0, [5], { hiddenStates: { firstRow: 0, numRows: 2 } }),
    segment(filled(1), 5, [6], { sample: true, hiddenStates: { firstRow: 0, numRows: 1 } }),
  ]);
  assert.deepEqual(layouts.map(({ firstOutput, root }) => [firstOutput, root]), [
    [0, 2],
    [3, 3],
    [3, 3],
    [9, 11],
    [11, 11],
    [12, 15],
    [16, 21],
    [18, 18],
  ]);
  assert.deepEqual(layouts.slice(5).map(({ firstState, firstLogprob }) => [firstState, firstLogprob]), [
    [12, 13],
    [16, 21],
    [18, 18],
  ]);
  assert.deepEqual([...layouts[2]!.depths], [1, 1, 2, 2, 3]);
  assert.equal(layouts[0]!.tree.tokens.length, 0);
  const rows = writer({ rows: 64, segments: 8, pages: 4, outputs: 19 });
  writeSegments(rows, layouts);
  assert.equal(rows.arrays.numOutputs, 19, "as many as are written");
  const last = layouts.map(({ segment: { tokens, tree } }) => tokens.length + (tree?.tokens.length ?? 0))
    .reduce((sum, count) => sum + count, 0) - 1;
  assert.equal(rows.arrays.outputs[layouts.at(-1)!.root], last);
});

Deno.test("a forward leaves nothing of the one before", () => {
  const reused = writer();
  rowsOf([
    segment(filled(20), 0, [3, 2], { sample: true, tree: TREE }),
    segment(filled(20), 10, [1, 0], { sample: true }),
  ], reused);
  const small = [segment([1], 17, [5, 6], { sample: true })];
  const again = rowsOf(small, reused), fresh = rowsOf(small);
  for (const key of ["numRows", "numSegments", "pagesPerSegment", "numOutputs"] as const) {
    assert.equal(again[key], fresh[key], key);
  }
  for (const key of ["tokens", "positions", "slots", "visible", "treeMasks", "outputs"] as const) {
    assert.equal(again[key][0], fresh[key][0], key);
  }
  assert.deepEqual(again.segmentStarts.subarray(0, 2), fresh.segmentStarts.subarray(0, 2));
  assert.deepEqual(again.pageTable.subarray(0, 2), fresh.pageTable.subarray(0, 2));
});

Deno.test("a full batch fits, one row more is refused", () => {
  assert.equal(rowsOf([segment(filled(64), 0, [0, 1, 2, 3])]).numRows, 64);
  const tree = chainOf(Int32Array.from(filled(5)), new Float32Array(5));
  for (
    const more of [segment(filled(5), 0, [4]), segment(filled(1), 0, [4], { sample: true, tree })]
  ) {
    assert.throws(
      () => rowsOf([segment(filled(60), 0, [0, 1, 2, 3]), more]),
      { name: "RangeError", message: "Cannot build batch: over 64 rows" },
    );
  }
});

Deno.test("entries lie in the pages of their sequence", () => {
  assert.equal(slotAt(Int32Array.of(5, 2), 3, 4), 23);
  assert.equal(slotAt(Int32Array.of(5, 2), 4, 4), 8);
});
