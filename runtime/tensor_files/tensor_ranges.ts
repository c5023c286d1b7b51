/**
 * Checks of tensor ranges that hold for every file format.
 *
 * @module
 */
import type { StorageFormat } from "../contracts/storage_format.ts";
import { LoadError } from "../contracts/errors.ts";
import { blockOf, type IntegerFormat, rowBytes } from "./formats.ts";

/** A tensor's range of a file. */
export interface TensorRange {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Bytes that `shape` takes in `format`; shape is slowest first, so its last entry is the row length.
 *
 * @throws {LoadError} if a row is not a whole number of blocks, a size is not positive or the product is unsafe
 */
export function tensorBytes(
  file: string,
  name: string,
  format: StorageFormat | IntegerFormat,
  shape: readonly number[],
): number {
  const { elements } = blockOf(format);
  const inRow = rowBytes(format, shape.at(-1) ?? 1);
  if (inRow === undefined) {
    throw new LoadError(
      `Cannot load ${file}: tensor ${name} has rows of ${
        shape.at(-1)
      } values, not a multiple of ${elements} (${format})`,
    );
  }
  const bytes = shape.slice(0, -1).reduce((product, size) => product * size, inRow);
  if (!shape.every((size) => Number.isSafeInteger(size) && size > 0) || !Number.isSafeInteger(bytes)) {
    throw new LoadError(`Cannot load ${file}: tensor ${name} has shape [${shape.join(", ")}]`);
  }
  return bytes;
}

/**
 * Checks where tensors lie, against the file and against each other.
 *
 * @throws {LoadError} if a range leaves the file, is not a multiple of its alignment, or overlaps another
 */
export function checkRanges(
  file: string,
  fileBytes: number,
  ranges: readonly (TensorRange & { readonly alignment: number })[],
): void {
  let previous: TensorRange | undefined;
  for (const range of ranges.toSorted((a, b) => a.offset - b.offset)) {
    const { name, offset, bytes, alignment } = range;
    if (offset + bytes > fileBytes) {
      throw new LoadError(
        `Cannot load ${file}: tensor ${name} ends at byte ${
          offset + bytes
        }, but the file has ${fileBytes} (truncated?)`,
      );
    }
    if (offset % alignment !== 0) {
      throw new LoadError(
        `Cannot load ${file}: tensor ${name} is at offset ${offset}, not a multiple of ${alignment}`,
      );
    }
    if (previous !== undefined && offset < previous.offset + previous.bytes) {
      throw new LoadError(`Cannot load ${file}: tensors ${previous.name} and ${name} overlap`);
    }
    previous = range;
  }
}
