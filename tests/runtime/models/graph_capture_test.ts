/**
 * Which sizes of forwards get a CUDA graph, and what the log says meanwhile.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { bucketRows } from "../../../runtime/models/graph_capture.ts";

Deno.test("graphs are for few rows each, then every 32, and the largest is exact", () => {
  assert.deepEqual(bucketRows(1), [1]);
  assert.deepEqual(bucketRows(8), [1, 2, 4, 8]);
  assert.deepEqual(bucketRows(9), [1, 2, 4, 8, 9]);
  assert.deepEqual(bucketRows(64), [1, 2, 4, 8, 16, 24, 32, 48, 64]);
  assert.deepEqual(bucketRows(140).slice(-4), [64, 96, 128, 140]);
});
