/**
 * A tensor in a file, of floats or of whole numbers.
 *
 * @module
 */
import { FLOAT_FORMATS, type StorageFormat } from "../contracts/storage_format.ts";
import { LoadError } from "../contracts/errors.ts";
import { blockOf, type IntegerFormat, isIntegerFormat } from "./formats.ts";
import type { TensorRange } from "./tensor_ranges.ts";

/** Where a tensor lies, its range already checked. */
export interface StoredTensor<Format = StorageFormat | IntegerFormat> {
  readonly name: string;
  /** Slowest first (rows, columns). */
  readonly shape: readonly number[];
  readonly format: Format;
  /** Absolute offset in the file. */
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Tensors of a file that nothing here can read, by name: what they are, as in `tensor w is stored as F64, which is not
 * supported`. They stop nothing unless they are needed.
 */
export type UnreadTensors = Map<string, string>;

/** What such a tensor is that has no numbers. */
export const EMPTY = "empty";

/** Whether the tensor holds floats, plain or quantized. */
export function isFloating(tensor: StoredTensor): tensor is StoredTensor<StorageFormat> {
  return !isIntegerFormat(tensor.format);
}

const FLOATS: ReadonlySet<string> = new Set(FLOAT_FORMATS);

/** Far above any list of indices; 64 MiB once read. */
const MAX_NUMBERS = 1 << 24;

/**
 * Reads whole numbers, which must fit 32 bits.
 *
 * @throws {LoadError} if the tensor holds floats, too many or too large numbers, or the file is shorter than it says
 */
export function readIntegers(path: string, { name, format, offset, bytes }: StoredTensor): Int32Array {
  const fail = (reason: string) => new LoadError(`Cannot load ${path}: tensor ${name} ${reason}`);
  if (!isIntegerFormat(format)) throw fail(`is stored as ${format}, expected whole numbers`);
  const count = bytes / blockOf(format).bytes, view = readRange(path, { name, offset, bytes }, count);
  const at = (i: number) =>
    format === "I64"
      ? Number(view.getBigInt64(i * 8, true))
      : format === "I32"
      ? view.getInt32(i * 4, true)
      : view.getUint8(i);
  return Int32Array.from({ length: count }, (_, i) => {
    const value = at(i);
    if (value !== (value | 0)) throw fail(`holds ${value}, expected 32 bits`);
    return value;
  });
}

/**
 * Reads a tensor of F32.
 *
 * @throws {LoadError} if it is stored otherwise, has too many numbers, or the file is shorter than it says
 */
export function readFloats(path: string, { name, format, offset, bytes }: StoredTensor): Float32Array {
  if (format !== "F32") {
    throw new LoadError(`Cannot load ${path}: tensor ${name} is stored as ${format}, expected F32`);
  }
  const view = readRange(path, { name, offset, bytes }, bytes / 4);
  return Float32Array.from({ length: bytes / 4 }, (_, i) => view.getFloat32(i * 4, true));
}

/**
 * Whether all numbers of a tensor of floats are zero, of either sign; of quantised ones that is not looked at.
 *
 * @throws {LoadError} if it has too many numbers, or the file is shorter than it says
 */
export function isZero(path: string, { name, format, offset, bytes }: StoredTensor): boolean {
  if (!FLOATS.has(format)) return false;
  const width = blockOf(format).bytes, view = readRange(path, { name, offset, bytes }, bytes / width);
  // The highest bit of each number is its sign.
  return new Uint8Array(view.buffer).every((byte, i) => (i % width === width - 1 ? byte & 0x7f : byte) === 0);
}

/** The bytes of a tensor of `count` numbers. */
function readRange(path: string, { name, offset, bytes }: TensorRange, count: number): DataView {
  const fail = (reason: string) => new LoadError(`Cannot load ${path}: tensor ${name} ${reason}`);
  if (count > MAX_NUMBERS) throw fail(`has ${count} numbers, expected at most ${MAX_NUMBERS}`);
  const data = new Uint8Array(bytes);
  using file = Deno.openSync(path);
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let filled = 0; filled < bytes;) {
    const read = file.readSync(data.subarray(filled));
    if (read === null) throw fail("ends after the file");
    filled += read;
  }
  return new DataView(data.buffer);
}
