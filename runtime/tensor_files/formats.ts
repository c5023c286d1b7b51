/**
 * Block sizes of the storage formats, as ggml and safetensors define them.
 *
 * @module
 */
import type { StorageFormat } from "../contracts/storage_format.ts";

/** A run of consecutive values of a row that are stored together. */
export interface BlockLayout {
  readonly elements: number;
  readonly bytes: number;
}

const BLOCKS = {
  F32: { elements: 1, bytes: 4 },
  F16: { elements: 1, bytes: 2 },
  BF16: { elements: 1, bytes: 2 },
  Q4_0: { elements: 32, bytes: 18 },
  Q4_1: { elements: 32, bytes: 20 },
  Q5_0: { elements: 32, bytes: 22 },
  Q5_1: { elements: 32, bytes: 24 },
  Q8_0: { elements: 32, bytes: 34 },
  Q4_K: { elements: 256, bytes: 144 },
  Q5_K: { elements: 256, bytes: 176 },
  Q6_K: { elements: 256, bytes: 210 },
  Q2_K: { elements: 256, bytes: 84 },
  Q3_K: { elements: 256, bytes: 110 },
  IQ4_NL: { elements: 32, bytes: 18 },
  IQ4_XS: { elements: 256, bytes: 136 },
  MXFP4: { elements: 32, bytes: 17 },
} as const satisfies Record<StorageFormat, BlockLayout>;

/** How whole numbers lie in a file, such as indices into other tensors, and what quantised matrices are made of. */
export type IntegerFormat = "I64" | "I32" | "I8" | "U8" | "BOOL" | "F8_E4M3";

const INTEGERS = {
  I64: { elements: 1, bytes: 8 },
  I32: { elements: 1, bytes: 4 },
  I8: { elements: 1, bytes: 1 },
  U8: { elements: 1, bytes: 1 },
  F8_E4M3: { elements: 1, bytes: 1 },
  BOOL: { elements: 1, bytes: 1 },
} as const satisfies Record<IntegerFormat, BlockLayout>;

/** Elements and bytes of one block of a format. */
export function blockOf(format: StorageFormat | IntegerFormat): BlockLayout {
  return isIntegerFormat(format) ? INTEGERS[format] : BLOCKS[format];
}

/** True if `name` is a storage format the loader knows. */
export function isStorageFormat(name: string): name is StorageFormat {
  return Object.hasOwn(BLOCKS, name);
}

/** True if `name` is a format of whole numbers. */
export function isIntegerFormat(name: string): name is IntegerFormat {
  return Object.hasOwn(INTEGERS, name);
}

/** Bytes of one row of `cols` values, or undefined if the row does not divide into whole blocks. */
export function rowBytes(format: StorageFormat | IntegerFormat, cols: number): number | undefined {
  const { elements, bytes } = blockOf(format);
  return cols % elements === 0 ? cols / elements * bytes : undefined;
}
