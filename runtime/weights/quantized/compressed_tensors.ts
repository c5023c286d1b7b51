/**
 * The compressed-tensors format of vLLM's quantisers (LLM Compressor): 4 and 8 bit numbers packed into words, plain 8
 * bit numbers, 8 bit floats. Activations are quantised as they come, whatever the scheme says of them.
 *
 * @module
 */
import { z } from "zod";
import { unsupportedSetting } from "../../architectures/config_json.ts";
import { checkFields } from "../../tensor_files/text_file.ts";
import { scaledMatrix } from "./fp8.ts";
import { PER_WORD, type QuantizedMatrix, type QuantizedModule, type Quantizer } from "./quantizer.ts";

const WEIGHTS = z.looseObject({
  "num_bits": z.int().default(8),
  type: z.string().default("int"),
  symmetric: z.boolean().default(true),
  strategy: z.string().nullish(),
  "group_size": z.int().nullish(),
  "block_structure": z.tuple([z.int().positive(), z.int().positive()]).nullish(),
});
type WeightScheme = z.infer<typeof WEIGHTS>;

const FIELDS = z.looseObject({
  format: z.string(),
  "config_groups": z.record(
    z.string(),
    z.looseObject({ weights: WEIGHTS.nullish(), format: z.string().nullish() }),
  ),
  "sparsity_config": z.looseObject({ format: z.string().default("dense") }).nullish(),
  "transform_config": z.looseObject({}).nullish(),
});

/** The schemes of the linear layers, which must all be the same. */
export function compressedTensors(path: string, config: Readonly<Record<string, unknown>>): Quantizer {
  const fields = checkFields(path, config, FIELDS);
  const sparsity = fields.sparsity_config?.format ?? "dense";
  if (sparsity !== "dense") throw unsupportedSetting(path, "sparsity_config.format", sparsity, "dense");
  if (Object.keys(fields.transform_config ?? {}).length > 0) {
    throw unsupportedSetting(path, "transform_config", fields.transform_config, "none");
  }
  const groups = Object.values(fields.config_groups);
  const schemes = groups.map(({ weights, format }) => ({
    weights: weights ?? undefined,
    format: format ?? fields.format,
  }));
  const [first] = schemes;
  if (first?.weights === undefined || new Set(schemes.map((scheme) => JSON.stringify(scheme))).size > 1) {
    throw unsupportedSetting(
      path,
      "config_groups",
      Object.keys(fields.config_groups),
      "one scheme of weights",
    );
  }
  return quantizer(path, first.format, first.weights);
}

function quantizer(path: string, format: string, weights: WeightScheme): Quantizer {
  const { num_bits: bits, type, symmetric } = weights;
  const kind = `${format} ${type}${bits}${symmetric ? "" : " asymmetric"}`;
  const blocks = weights.strategy === "block" ? weights.block_structure ?? undefined : undefined;
  switch (kind) {
    case "pack-quantized int4":
    case "pack-quantized int4 asymmetric":
    case "pack-quantized int8":
      return {
        numbers: "weight_packed",
        matrix: (module) => packedMatrix(module, bits === 4 ? "packed_int4" : "packed_int8", weights),
      };
    case "int-quantized int8":
    case "naive-quantized int8":
      return { numbers: "weight", matrix: (module) => scaledMatrix(module, "I8", "int8", blocks) };
    case "float-quantized float8":
    case "naive-quantized float8":
      return { numbers: "weight", matrix: (module) => scaledMatrix(module, "F8_E4M3", "fp8_e4m3", blocks) };
    default:
      throw unsupportedSetting(
        path,
        "config_groups",
        kind,
        "pack-quantized int4 or int8, int-quantized int8, float-quantized float8",
      );
  }
}

/** Words along the inputs, scales [rows, groups], zero points in words along the rows. */
function packedMatrix(
  module: QuantizedModule,
  layout: "packed_int4" | "packed_int8",
  { symmetric, group_size: groupSize }: WeightScheme,
): QuantizedMatrix {
  const numbers = module.tensor("weight_packed", "I32"), [rows = 0, words = 0] = numbers.shape;
  const cols = words * (layout === "packed_int4" ? PER_WORD : PER_WORD / 2);
  const groupCols = module.groupCols(cols, groupSize ?? -1), numGroups = Math.ceil(cols / groupCols);
  const scales = module.scales("weight_scale", [rows, numGroups], ...(numGroups === 1 ? [[rows]] : []));
  const matrix = { layout, shape: [rows, cols], numbers, scales, groupRows: 1, groupCols } as const;
  const zeros = symmetric ? undefined : module.tensor("weight_zero_point", "I32");
  if (zeros) module.expectShape("weight_zero_point", zeros.shape, [Math.ceil(rows / PER_WORD), numGroups]);
  const groups = module.groups("weight_g_idx", cols, groupCols);
  return { ...matrix, ...(zeros && { zeros }), ...(groups && { groups }) };
}
