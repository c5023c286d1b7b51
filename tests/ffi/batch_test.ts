import assert from "node:assert/strict";
import { BatchArrays } from "../../ffi/batch.ts";

Deno.test("the bytes of a batch are those of its arrays", () => {
  for (
    const limits of [
      { rows: 1, segments: 1, pages: 1, outputs: 1 },
      { rows: 7, segments: 3, pages: 5, outputs: 2 },
    ]
  ) {
    const arrays = Object.values(new BatchArrays(limits)).filter((value) => ArrayBuffer.isView(value));
    assert.equal(arrays.length, 9);
    assert.equal(BatchArrays.bytes(limits), arrays.reduce((sum, { byteLength }) => sum + byteLength, 0));
  }
});
