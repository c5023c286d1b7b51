/**
 * The block formats are those of llama.cpp's `gguf` package: their sizes, their numbers in a file, and the values that
 * the tests' own decoders, which the kernels are held to, read out of blocks.
 *
 * @module
 */
import assert from "node:assert/strict";
import { blockOf } from "../../../runtime/tensor_files/formats.ts";
import { dequantizeRow, randomRow, seededRandom } from "../../support/block_formats.ts";
import { assertEachClose } from "../../support/close.ts";
import { GGML_TYPE } from "../../support/gguf_writer.ts";
import { askReference, needsReferences } from "../../support/references.ts";

type BlockFormat = Exclude<keyof typeof GGML_TYPE, "F32" | "F16" | "BF16">;

const FORMATS = Object.keys(GGML_TYPE).filter((name): name is BlockFormat => !/^B?F\d/.test(name));
const COLS = 512, ROWS = 6;

interface Reference {
  readonly type: number;
  readonly elements: number;
  readonly bytes: number;
  readonly values: readonly (readonly number[])[];
}

Deno.test({
  name: "blocks of every format hold what the gguf package reads in them",
  ...await needsReferences("gguf"),
  async fn() {
    const random = seededRandom(91);
    const rows = new Map(
      FORMATS.map((
        format,
      ) => [format, Array.from({ length: ROWS }, () => randomRow(format, COLS, random, 1))]),
    );
    const input = Object.fromEntries(
      [...rows].map(([format, all]) => [format, all.map((row) => row.toHex())]),
    );
    const answers = await askReference("gguf_blocks.py", input) as Record<BlockFormat, Reference>;
    for (const [format, all] of rows) {
      const { type, elements, bytes, values } = answers[format];
      assert.equal(GGML_TYPE[format], type, `${format}'s number`);
      assert.deepEqual(blockOf(format), { elements, bytes }, `${format}'s blocks`);
      all.forEach((row, i) => assertEachClose(dequantizeRow(format, row, COLS), values[i]!, 1e-6, format));
    }
  },
});
