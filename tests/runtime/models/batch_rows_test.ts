/**
 * Segments of a forward as the arrays of a native batch.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Segment } from "../../../runtime/messages/scheduler_verifier.ts";
import { BatchRowsBuilder } from "../../../runtime/models/batch_rows.ts";

const PAGE_SIZE = 16;

function builder(limits = { rows: 64, segments: 4, pages: 4, outputs: 8 }): BatchRowsBuilder {
  return new BatchRowsBuilder(limits, PAGE_SIZE);
}

function segment(tokens: number[], start: number, pages: number[], rest: Partial<Segment> = {}): Segment {
  const base = { requestId: "r", start, sample: false };
  return { ...base, tokens: Int32Array.from(tokens), pages: Int32Array.from(pages), ...rest };
}

function filled(length: number): number[] {
  return Array.from({ length }, (_, i) => 100 + i);
}

Deno.test("rows carry token, position, slot and what they see", () => {
  const rows = builder().build([segment([5, 6, 7, 8], 14, [3, 1], { sample: true }), segment([9], 0, [2])]);
  assert.equal(rows.numRows, 5);
  assert.deepEqual([...rows.tokens.subarray(0, 5)], [5, 6, 7, 8, 9]);
  assert.deepEqual([...rows.positions.subarray(0, 5)], [14, 15, 16, 17, 0]);
  assert.deepEqual([...rows.slots.subarray(0, 5)], [3 * 16 + 14, 3 * 16 + 15, 1 * 16, 1 * 16 + 1, 2 * 16]);
  assert.deepEqual([...rows.visible.subarray(0, 5)], [15, 16, 17, 18, 1]);
  assert.deepEqual([...rows.treeMasks.subarray(0, 5)], [0n, 0n, 0n, 0n, 0n]);
});

Deno.test("segments follow one another, page tables are as wide as the widest", () => {
  const rows = builder().build([
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
  const rows = builder().build([
    segment(filled(5), 0, [0], { sample: true, promptLogprobs }),
    segment(filled(4), 0, [1]),
    segment(filled(3), 0, [2], { promptLogprobs }),
    segment(filled(2), 0, [3], { sample: true }),
  ]);
  assert.equal(rows.numOutputs, 6);
  assert.deepEqual([...rows.outputs.subarray(0, 6)], [2, 3, 4, 10, 11, 13]);
});

Deno.test("a build leaves nothing of the one before", () => {
  const reused = builder();
  reused.build([
    segment(filled(30), 0, [3, 2], { sample: true }),
    segment(filled(20), 10, [1, 0], { sample: true }),
  ]);
  const small = [segment([1], 17, [5, 6], { sample: true })];
  const again = reused.build(small), fresh = builder().build(small);
  for (const key of ["numRows", "numSegments", "pagesPerSegment", "numOutputs"] as const) {
    assert.equal(again[key], fresh[key], key);
  }
  for (const key of ["tokens", "positions", "slots", "visible", "outputs"] as const) {
    assert.equal(again[key][0], fresh[key][0], key);
  }
  assert.deepEqual(again.segmentStarts.subarray(0, 2), fresh.segmentStarts.subarray(0, 2));
  assert.deepEqual(again.pageTable.subarray(0, 2), fresh.pageTable.subarray(0, 2));
});

Deno.test("a full batch fits, one row more is refused", () => {
  assert.equal(builder().build([segment(filled(64), 0, [0, 1, 2, 3])]).numRows, 64);
  assert.throws(
    () => builder().build([segment(filled(60), 0, [0, 1, 2, 3]), segment(filled(5), 0, [4])]),
    { name: "RangeError", message: "Cannot build batch: over 64 rows" },
  );
});
