/** The middle of measured values. */
import { strict as assert } from "node:assert";
import { median } from "../../../web/api/median.ts";

Deno.test("median: is the middle value", () => {
  assert.deepEqual([[], [3], [9, 1, 2], [4, 1, 3, 2]].map(median), [undefined, 3, 2, 2.5]);
});
