/**
 * The tables of docs/cuda.md that need no compiler: what their formulas give, and that the page has it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readSection } from "../../bench/cuda/page.ts";
import { forwardWork, LLAMA_8B } from "../../bench/cuda/roofline.ts";
import {
  KERNEL_TEXT,
  kernelTable,
  SPECULATION_TEXT,
  speculationTable,
} from "../../bench/cuda/roofline_tables.ts";

Deno.test("roofline: a forward of Llama-3.1-8B reads 15 GB of weights and 128 KiB of keys and values a token", () => {
  const bytesOf = (context: number) =>
    forwardWork(LLAMA_8B, { rows: 1, outputs: 1, context }).reduce((sum, work) => sum + work.memoryBytes, 0);
  assert.equal(bytesOf(1001) - bytesOf(1000), 128 << 10);
  // Its parameters less the embedding, of which a row is read, and the norms: 8,030,261,248 - 525,336,576 - 266,240.
  const linear = forwardWork(LLAMA_8B, { rows: 1, outputs: 0, context: 0 })
    .filter(({ kernel }) => kernel.startsWith("linear"));
  assert.equal(linear.reduce((sum, work) => sum + work.memoryBytes, 0), 2 * 7_504_658_432);
});

Deno.test("roofline: bounds of plain steps and of EAGLE-3's rounds are those of the design", () => {
  const rows = new Map(speculationTable().map(([name, ...cells]) => [name, cells]));
  assert.deepEqual(rows.get("plain"), ["-", "4.50", "222", "3.14", "318", "158.34"]);
  assert.deepEqual(rows.get("EAGLE-3 5/8/32"), ["4.68", "5.66", "827", "3.95", "1185", "373.25"]);
});

for (
  const [name, text, table] of [
    ["speculation", SPECULATION_TEXT, speculationTable()],
    ["roofline", KERNEL_TEXT, kernelTable()],
  ] as const
) {
  Deno.test(`docs/cuda.md has the table ${name} as it is computed; deno task docs:cuda writes it`, () => {
    assert.deepEqual(readSection(name), { text, table });
  });
}
