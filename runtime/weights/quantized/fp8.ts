/**
 * FP8 checkpoints: 8 bit floats (OCP E4M3) with a scale per tensor, per row or per block of 128 x 128, as DeepSeek-V3,
 * Qwen3-FP8 and FBGEMM store them. Scales of activations are not used: activations are quantised as they come.
 *
 * @module
 */
import { z } from "zod";
import { requireSettings } from "../../architectures/config_json.ts";
import { checkFields } from "../../tensor_files/text_file.ts";
import type { QuantizedMatrix, QuantizedModule, Quantizer } from "./quantizer.ts";

const FIELDS = z.looseObject({
  fmt: z.string().default("e4m3"),
  "weight_block_size": z.tuple([z.int().positive(), z.int().positive()]).nullish(),
});

/** FP8 with `weight_scale_inv` or `weight_scale`, which both are multiplied by. */
export function fp8(path: string, config: Readonly<Record<string, unknown>>): Quantizer {
  const fields = checkFields(path, config, FIELDS);
  requireSettings(path, fields, { fmt: "e4m3" });
  const blocks = fields.weight_block_size ?? undefined;
  return {
    numbers: "weight",
    matrix: (module) => scaledMatrix(module, "F8_E4M3", "fp8_e4m3", blocks),
  };
}

/** A matrix of 8 bit numbers [rows, cols] with one scale, one per row, or one per block of these sizes. */
export function scaledMatrix(
  module: QuantizedModule,
  format: "F8_E4M3" | "I8",
  layout: "fp8_e4m3" | "int8",
  blocks: readonly [rows: number, cols: number] | undefined,
): QuantizedMatrix {
  const numbers = module.tensor("weight", format), [rows = 0, cols = 0] = numbers.shape;
  module.groupCols(cols, -1);
  const name = module.find("weight_scale_inv") === undefined ? "weight_scale" : "weight_scale_inv";
  const [blockRows, blockCols] = blocks ?? [1, cols];
  const grid = [Math.ceil(rows / blockRows), Math.ceil(cols / blockCols)];
  const scales = module.scales(name, ...(blocks ? [grid] : [[], [1], [1, 1], [rows], [rows, 1]]));
  const numScales = scales.shape.reduce((product, n) => product * n, 1);
  return {
    layout,
    shape: [rows, cols],
    numbers,
    scales,
    groupRows: numScales === 1 ? rows : blockRows,
    groupCols: numScales === 1 ? cols : blockCols,
  };
}
