/**
 * Rows of a draft model, written one by one, and the limits of a batch.
 *
 * @module
 */
import assert from "node:assert/strict";
import { RowWriter } from "../../../runtime/models/row_writer.ts";

const LIMITS = { rows: 4, segments: 2, pages: 3, outputs: 2 };

function rowAt(entry: number) {
  return { token: 100 + entry, position: entry, entry, visible: entry + 1, mask: 0n };
}

Deno.test("entries beyond a sequence's pages lie in those that follow them", () => {
  const rows = new RowWriter(LIMITS, 4);
  rows.begin(3);
  rows.segment(Int32Array.of(7), Int32Array.of(9, 1));
  rows.add(rowAt(3));
  rows.add({ ...rowAt(4), visible: 4, mask: 0b1n, source: 2 });
  rows.add({ ...rowAt(11), visible: 4, mask: 0b11n, source: 0 });
  assert.equal(rows.output(), 0);
  rows.segment(Int32Array.of(5));
  rows.add(rowAt(0));
  assert.equal(rows.output(), 1);
  const { arrays } = rows;
  assert.deepEqual([...arrays.tokens], [103, 104, 111, 100]);
  assert.deepEqual([...arrays.slots], [31, 36, 7, 20]);
  assert.deepEqual([...arrays.sources!], [31, 2, 0, 20], "without another source it is the row's slot");
  assert.deepEqual([...arrays.treeMasks], [0n, 1n, 3n, 0n]);
  assert.deepEqual([...arrays.segmentStarts], [0, 3, 4]);
  assert.deepEqual([...arrays.pageTable], [7, 9, 1, 5, 0, 0]);
  assert.deepEqual([...arrays.outputs], [2, 3]);
  assert.deepEqual([arrays.numRows, arrays.numSegments, arrays.numOutputs], [4, 2, 2]);
  assert.equal(rows.numRows, 4);
});

Deno.test("each limit is refused when it is passed, by its name", () => {
  const refused = (what: string, count: number, body: (rows: RowWriter) => void) => {
    const rows = new RowWriter(LIMITS, 4);
    rows.begin(1);
    rows.segment(Int32Array.of(0));
    rows.add(rowAt(0));
    assert.throws(() => body(rows), {
      name: "RangeError",
      message: `Cannot build batch: over ${count} ${what}`,
    });
  };
  refused("pages", 3, (rows) => rows.begin(4));
  refused("segments", 2, (rows) => {
    rows.segment(Int32Array.of(1));
    rows.segment(Int32Array.of(2));
  });
  refused("rows", 4, (rows) => [1, 2, 3, 4].forEach((entry) => rows.add(rowAt(entry))));
  refused("outputs", 2, (rows) => [1, 2, 3].forEach(() => rows.output()));
});
