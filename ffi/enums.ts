/**
 * The enumerations of `kernels/include/aerie.h`; a test compares the two.
 *
 * @module
 */

/** Devices of aerie.h. */
export const Device = { cpu: 0, cuda: 1, "cuda-sim": 2 } as const;
/** Storage formats of aerie.h. */
export const Format = {
  F32: 0,
  F16: 1,
  BF16: 2,
  Q4_0: 3,
  Q4_1: 4,
  Q5_0: 5,
  Q5_1: 6,
  Q8_0: 7,
  Q4_K: 8,
  Q5_K: 9,
  Q6_K: 10,
  Q2_K: 11,
  Q3_K: 12,
  IQ4_NL: 13,
  IQ4_XS: 14,
  MXFP4: 15,
} as const;
/** Layouts of quantised matrices of aerie.h. */
export const QuantLayout = {
  "fp8_e4m3": 0,
  int8: 1,
  gptq: 2,
  "gptq_v2": 3,
  awq: 4,
  "packed_int4": 5,
  "packed_int8": 6,
} as const;
/** Element types of floating weights, KV pools and tensors; `int8` is for weights. */
export const Dtype = { float32: 0, float16: 1, bfloat16: 2, int8: 3 } as const;
/** Element types of tensors. */
export type TensorDtype = "float32" | "float16" | "bfloat16";
/** Outputs that ops with a tensor of `Scope.outputSlice` take at a time: its rows at most. */
export const SLICE_OUTPUTS = 256;
/** Whether a tensor has a row per batch row, per batch output, or per output of the slice at hand. */
export const Scope = { rows: 0, outputs: 1, outputSlice: 2 } as const;
