/**
 * How numbers lie in a file.
 *
 * @module
 */

/** How numbers lie in a file: floats, or ggml's blocks of quantized ones. */
export type StorageFormat =
  | "F32"
  | "F16"
  | "BF16"
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q8_0"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K"
  | "Q2_K"
  | "Q3_K"
  | "IQ4_NL"
  | "IQ4_XS"
  | "MXFP4";

/** The formats of floats. */
export const FLOAT_FORMATS: readonly StorageFormat[] = ["F32", "F16", "BF16"];

/** How the numbers of a quantiser's safetensors checkpoint lie beside their scales; `aerie_quant_layout` of aerie.h. */
export type QuantLayout =
  | "fp8_e4m3"
  | "int8"
  | "gptq"
  | "gptq_v2"
  | "awq"
  | "packed_int4"
  | "packed_int8";
