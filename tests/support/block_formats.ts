/**
 * The storage formats in float64: a slow, plain reading of ggml's block layouts, and random rows to test with.
 * `tests/runtime/tensor_files/formats_test.ts` holds them to the `gguf` package of llama.cpp.
 *
 * @module
 */
import type { StorageFormat } from "../../runtime/contracts/storage_format.ts";
import { blockOf, rowBytes } from "../../runtime/tensor_files/formats.ts";

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** The mulberry32 generator: the same numbers for the same seed, everywhere. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A standard normal number (Box-Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Values of one row: `bytes` holds `cols` values of `format`. */
export function dequantizeRow(format: StorageFormat, bytes: Uint8Array, cols: number): Float64Array {
  const { elements, bytes: blockBytes } = blockOf(format);
  const values = new Float64Array(cols);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let block = 0; block * elements < cols; block++) {
    const at = block * blockBytes;
    values.set(
      DECODERS[format](new DataView(view.buffer, view.byteOffset + at, blockBytes)),
      block * elements,
    );
  }
  return values;
}

/** Stores float values; only for the formats without blocks. */
export function encodeFloatRow(format: "F32" | "F16" | "BF16", values: ArrayLike<number>): Uint8Array {
  const { bytes } = blockOf(format);
  const view = new DataView(new ArrayBuffer(values.length * bytes));
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (format === "F32") view.setFloat32(i * 4, value, true);
    else if (format === "F16") view.setFloat16(i * 2, value, true);
    else view.setUint16(i * 2, bfloat16Bits(value), true);
  }
  return new Uint8Array(view.buffer);
}

/** Random valid bytes of one row of `cols` values with a standard deviation of about `std`. */
export function randomRow(format: StorageFormat, cols: number, random: Random, std = 0.05): Uint8Array {
  if (format === "F32" || format === "F16" || format === "BF16") {
    return encodeFloatRow(format, Float64Array.from({ length: cols }, () => std * normal(random)));
  }
  const numBytes = rowBytes(format, cols);
  if (numBytes === undefined) throw new RangeError(`Cannot make row: ${cols} columns of ${format}`);
  const row = Uint8Array.from({ length: numBytes }, () => Math.floor(random() * 256));
  const { bytes } = blockOf(format);
  for (let first = 0; first < numBytes; first += bytes) {
    const block = new DataView(row.buffer, first, bytes);
    const scale = std / UNIT_STD[format] * (0.75 + random() / 2), at = SCALE_AT[format] ?? 0;
    if (format === "MXFP4") block.setUint8(0, 128 + Math.round(Math.log2(scale)));
    else block.setFloat16(at, scale, true);
    const offset = OFFSET_PER_SCALE[format];
    if (offset !== 0) block.setFloat16(at + 2, scale * offset, true);
  }
  return row;
}

type BlockFormat = Exclude<StorageFormat, "F32" | "F16" | "BF16">;

/** Standard deviation of a block's values when its bytes are random and its scale is 1. */
const UNIT_STD: Record<BlockFormat, number> = {
  Q4_0: 4.6,
  Q4_1: 4.6,
  Q5_0: 9.2,
  Q5_1: 9.2,
  Q8_0: 73.9,
  Q4_K: 258,
  Q5_K: 526,
  Q6_K: 1365,
  Q2_K: 13.9,
  Q3_K: 43.3,
  IQ4_NL: 67.4,
  IQ4_XS: 1246,
  MXFP4: 5.85,
};

/** Where the float is that scales a block, unless at its begin. */
const SCALE_AT: Partial<Record<BlockFormat, number>> = { Q6_K: 208, Q2_K: 80, Q3_K: 108 };

/** The second float of a block in units of the first, such that values have mean zero; 0 where there is none. */
const OFFSET_PER_SCALE: Record<BlockFormat, number> = {
  Q4_0: 0,
  Q4_1: -7.5,
  Q5_0: 0,
  Q5_1: -15.5,
  Q8_0: 0,
  Q4_K: 7.5,
  Q5_K: 15.5,
  Q6_K: 0,
  Q2_K: 1.5,
  Q3_K: 0,
  IQ4_NL: 0,
  IQ4_XS: 0,
  MXFP4: 0,
};

/** What four bits stand for in IQ4_NL and IQ4_XS. */
const UNEVEN = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
/** What four bits stand for in MXFP4. */
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6];

const DECODERS: Record<StorageFormat, (block: DataView) => Float64Array> = {
  F32: (block) => Float64Array.of(block.getFloat32(0, true)),
  F16: (block) => Float64Array.of(block.getFloat16(0, true)),
  BF16: (block) => {
    const bits = new DataView(new ArrayBuffer(4));
    bits.setUint16(2, block.getUint16(0, true), true);
    return Float64Array.of(bits.getFloat32(0, true));
  },
  Q8_0: (block) => Float64Array.from({ length: 32 }, (_, i) => half(block, 0) * block.getInt8(2 + i)),
  Q4_0: (block) => Float64Array.from({ length: 32 }, (_, i) => half(block, 0) * (nibble(block, 2, i) - 8)),
  Q4_1: (block) =>
    Float64Array.from({ length: 32 }, (_, i) => half(block, 0) * nibble(block, 4, i) + half(block, 2)),
  Q5_0: (block) =>
    Float64Array.from(
      { length: 32 },
      (_, i) => half(block, 0) * (nibble(block, 6, i) + fifthBit(block, 2, i) - 16),
    ),
  Q5_1: (block) =>
    Float64Array.from(
      { length: 32 },
      (_, i) => half(block, 0) * (nibble(block, 8, i) + fifthBit(block, 4, i)) + half(block, 2),
    ),
  Q4_K: (block) =>
    Float64Array.from({ length: 256 }, (_, i) => {
      const { scale, min } = groupScale(block, i >> 5);
      return half(block, 0) * scale * nibbleOf64(block, 16, i) - half(block, 2) * min;
    }),
  Q5_K: (block) =>
    Float64Array.from({ length: 256 }, (_, i) => {
      const { scale, min } = groupScale(block, i >> 5);
      const high = (block.getUint8(16 + i % 32) >> (i >> 5)) & 1;
      return half(block, 0) * scale * (nibbleOf64(block, 48, i) + 16 * high) - half(block, 2) * min;
    }),
  Q6_K: (block) =>
    Float64Array.from({ length: 256 }, (_, i) => {
      const part = i >> 7, quarter = (i >> 5) & 3, lane = i & 31;
      const low = block.getUint8(64 * part + 32 * (quarter & 1) + lane);
      const high = (block.getUint8(128 + 32 * part + lane) >> (2 * quarter)) & 3;
      const quant = ((quarter < 2 ? low & 15 : low >> 4) | (high << 4)) - 32;
      return half(block, 208) * block.getInt8(192 + (i >> 4)) * quant;
    }),
  Q2_K: (block) =>
    Float64Array.from({ length: 256 }, (_, i) => {
      const both = block.getUint8(i >> 4);
      return half(block, 80) * (both & 15) * twoBits(block, 16, i) - half(block, 82) * (both >> 4);
    }),
  Q3_K: (block) =>
    Float64Array.from({ length: 256 }, (_, i) => {
      const group = i >> 4, low = block.getUint8(96 + group % 8), high = block.getUint8(104 + group % 4);
      const scale = ((group < 8 ? low & 15 : low >> 4) | (((high >> (2 * (group >> 2))) & 3) << 4)) - 32;
      const third = (block.getUint8(i & 31) >> (i >> 5)) & 1;
      return half(block, 108) * scale * (twoBits(block, 32, i) + 4 * third - 4);
    }),
  IQ4_NL: (block) =>
    Float64Array.from({ length: 32 }, (_, i) => half(block, 0) * UNEVEN[nibble(block, 2, i)]!),
  IQ4_XS: (block) =>
    Float64Array.from({ length: 256 }, (_, i) => {
      const group = i >> 5, low = (block.getUint8(4 + (group >> 1)) >> (4 * (group & 1))) & 15;
      const scale = (low | (((block.getUint16(2, true) >> (2 * group)) & 3) << 4)) - 32;
      return half(block, 0) * scale * UNEVEN[nibble(block, 8 + 16 * group, i & 31)]!;
    }),
  MXFP4: (block) =>
    Float64Array.from({ length: 32 }, (_, i) => 2 ** (block.getUint8(0) - 127) * E2M1[nibble(block, 1, i)]!),
};

function half(block: DataView, offset: number): number {
  return block.getFloat16(offset, true);
}

/** Value `i` of 32: the low halves of 16 bytes, then the high halves. */
function nibble(block: DataView, offset: number, i: number): number {
  const byte = block.getUint8(offset + i % 16);
  return i < 16 ? byte & 15 : byte >> 4;
}

function fifthBit(block: DataView, offset: number, i: number): number {
  return ((block.getUint32(offset, true) >>> i) & 1) << 4;
}

/** Value `i` of 256 in groups of 64: the low halves of 32 bytes, then the high halves. */
function nibbleOf64(block: DataView, offset: number, i: number): number {
  const byte = block.getUint8(offset + 32 * (i >> 6) + (i & 31));
  return (i & 32) === 0 ? byte & 15 : byte >> 4;
}

/** Value `i` of 256: two bits of each of 32 bytes for every 32, of 64 bytes in turn. */
function twoBits(block: DataView, offset: number, i: number): number {
  return (block.getUint8(offset + 32 * (i >> 7) + (i & 31)) >> (2 * ((i >> 5) & 3))) & 3;
}

/** The 6-bit scale and minimum of group `j` of 8, packed into the 12 bytes after the two half floats. */
function groupScale(block: DataView, j: number): { scale: number; min: number } {
  const byte = (i: number) => block.getUint8(4 + i);
  if (j < 4) return { scale: byte(j) & 63, min: byte(j + 4) & 63 };
  return {
    scale: (byte(j + 4) & 15) | ((byte(j - 4) >> 6) << 4),
    min: (byte(j + 4) >> 4) | ((byte(j) >> 6) << 4),
  };
}

/** Nearest bfloat16, ties to even. */
function bfloat16Bits(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value, true);
  const bits = view.getUint32(0, true);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}
