import assert from "node:assert/strict";
import { isTooDeep } from "../../../runtime/tensor_files/json_depth.ts";

const depthOf = (json: string) => isTooDeep(new TextEncoder().encode(json));

Deno.test("nesting is counted outside of texts, and closed again", () => {
  assert.equal(depthOf("[".repeat(256)), false);
  assert.equal(depthOf("[".repeat(257)), true);
  assert.equal(depthOf('{"a":'.repeat(257)), true);
  assert.equal(depthOf(`["${"[".repeat(1000)}"]`), false);
  assert.equal(depthOf(`["\\"${"[".repeat(1000)}", "\\\\", []]`), false);
  assert.equal(depthOf(`["\\\\"${",[".repeat(300)}`), true);
  assert.equal(depthOf(`[${"[],".repeat(1000)}[]]`), false);
});
