/**
 * From the tensors of a quantised safetensors checkpoint to matrices: finds the method by config.json's
 * `quantization_config`, and makes one matrix of the tensors of each module that it quantised.
 *
 * @module
 */
import { unsupportedSetting } from "../../architectures/config_json.ts";
import type { TensorSource } from "../../contracts/checkpoint.ts";
import { isFloating } from "../../tensor_files/stored_tensor.ts";
import { checkFields } from "../../tensor_files/text_file.ts";
import { z } from "zod";
import { compressedTensors } from "./compressed_tensors.ts";
import { fp8 } from "./fp8.ts";
import { awq, gptq } from "./gptq.ts";
import { QuantizedModule, type Quantizer, type ShardTensor } from "./quantizer.ts";

/** Methods by the names that `quant_method` has. */
export const QUANTIZERS: Readonly<
  Record<string, (path: string, config: Readonly<Record<string, unknown>>) => Quantizer>
> = {
  awq,
  "compressed-tensors": compressedTensors,
  "fbgemm_fp8": fp8,
  fp8,
  gptq,
};

const CONFIG = z.looseObject({ "quant_method": z.string() });

/** A method of quantisation and the name by which it was found. */
export interface NamedQuantizer extends Quantizer {
  /** As `quant_method` has it. */
  readonly method: string;
}

/** The method that config.json at `path` names. @throws {LoadError} naming it, if it is not supported */
export function findQuantizer(path: string, config: unknown): NamedQuantizer {
  const fields = checkFields(path, config as Record<string, unknown>, CONFIG), name = fields.quant_method;
  const open = Object.hasOwn(QUANTIZERS, name) ? QUANTIZERS[name] : undefined;
  if (open === undefined) {
    throw unsupportedSetting(
      path,
      "quantization_config.quant_method",
      name,
      Object.keys(QUANTIZERS).join(" or "),
    );
  }
  return { ...open(path, fields), method: name };
}

/**
 * The matrices of the quantised modules, each called as its float original would be, and the other tensors, among them
 * what the matrices are made of besides their numbers. Modules whose matrix is none of the model's are not looked at.
 *
 * @throws {LoadError} naming the tensor that is missing or has another shape
 */
export function assembleQuantized(
  path: string,
  { numbers, matrix }: Quantizer,
  tensors: ReadonlyMap<string, ShardTensor>,
  isOfModel: (name: string) => boolean,
): { readonly matrices: TensorSource[]; readonly others: ShardTensor[] } {
  const matrices: TensorSource[] = [], others: ShardTensor[] = [];
  for (const tensor of tensors.values()) {
    const isQuantized = tensor.name.endsWith(`.${numbers}`) && !isFloating(tensor);
    const module = tensor.name.slice(0, -numbers.length - 1);
    if (!isQuantized || !isOfModel(`${module}.weight`)) {
      others.push(tensor);
      continue;
    }
    const { shape, ...quantization } = matrix(new QuantizedModule(path, module, tensors));
    const hasBytes = quantization.layout === "fp8_e4m3" || /int8$/.test(quantization.layout);
    matrices.push({
      name: `${module}.weight`,
      file: tensor.file,
      offset: tensor.offset,
      bytes: tensor.bytes,
      format: hasBytes || quantization.groups ? "Q8_0" : "Q4_1",
      shape,
      rowOrder: "plain",
      quantization,
    });
  }
  return { matrices, others };
}
