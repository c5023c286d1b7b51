/**
 * GPTQ (Frantar et al. 2022, arXiv 2210.17323) as AutoGPTQ and GPTQModel store it, and AWQ (Lin et al. 2023, arXiv
 * 2306.00978) as AutoAWQ does: 4 bits with a scale and a zero point per group of inputs.
 *
 * @module
 */
import { z } from "zod";
import { requireSettings, unsupportedSetting } from "../../architectures/config_json.ts";
import { checkFields } from "../../tensor_files/text_file.ts";
import { PER_WORD, type QuantizedMatrix, type QuantizedModule, type Quantizer } from "./quantizer.ts";

const GROUP_SIZE = z.int().positive().or(z.literal(-1));

const GPTQ_FIELDS = z.looseObject({
  bits: z.int(),
  "group_size": GROUP_SIZE,
  "checkpoint_format": z.string().default("gptq"),
});

/** GPTQ; with act-order each input names its group. */
export function gptq(path: string, config: Readonly<Record<string, unknown>>): Quantizer {
  const fields = checkFields(path, config, GPTQ_FIELDS), format = fields.checkpoint_format;
  requireSettings(path, fields, { bits: 4 });
  if (format !== "gptq" && format !== "gptq_v2") {
    throw unsupportedSetting(path, "checkpoint_format", format, "gptq or gptq_v2");
  }
  return {
    numbers: "qweight",
    matrix(module) {
      const { shape: [words = 0, rows = 0] } = module.tensor("qweight", "I32");
      const cols = words * PER_WORD, matrix = grouped(module, format, rows, cols, fields.group_size);
      const groups = module.groups("g_idx", cols, matrix.groupCols);
      return groups ? { ...matrix, groups } : matrix;
    },
  };
}

const AWQ_FIELDS = z.looseObject({
  bits: z.int(),
  "group_size": GROUP_SIZE,
  version: z.string().default("gemm"),
  "zero_point": z.boolean().default(true),
});

/** AWQ in the layout of its GEMM kernels, which the published checkpoints have. */
export function awq(path: string, config: Readonly<Record<string, unknown>>): Quantizer {
  const { version, ...fields } = checkFields(path, config, AWQ_FIELDS);
  requireSettings(path, fields, { bits: 4, "zero_point": true });
  if (version.toLowerCase() !== "gemm") throw unsupportedSetting(path, "version", version, "gemm");
  return {
    numbers: "qweight",
    matrix(module) {
      const { shape: [cols = 0, words = 0] } = module.tensor("qweight", "I32");
      return grouped(module, "awq", words * PER_WORD, cols, fields.group_size);
    },
  };
}

/** The matrix of a module with scales [groups, rows] and zero points [groups, rows / 8]. */
function grouped(
  module: QuantizedModule,
  layout: "gptq" | "gptq_v2" | "awq",
  rows: number,
  cols: number,
  groupSize: number,
): QuantizedMatrix {
  const numbers = module.tensor("qweight", "I32"), zeros = module.tensor("qzeros", "I32");
  const groupCols = module.groupCols(cols, groupSize), numGroups = Math.ceil(cols / groupCols);
  module.expectShape("qzeros", zeros.shape, [numGroups, rows / PER_WORD]);
  return {
    layout,
    shape: [rows, cols],
    numbers,
    scales: module.scales("scales", [numGroups, rows]),
    zeros,
    groupRows: 1,
    groupCols,
  };
}
