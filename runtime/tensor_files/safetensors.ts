/**
 * The safetensors container: a JSON header and tensor ranges. Layout as in the safetensors README.
 *
 * @module
 */
import { z } from "zod";
import { FLOAT_FORMATS, type StorageFormat } from "../contracts/storage_format.ts";
import { blockOf, isIntegerFormat } from "./formats.ts";
import { HeaderReader } from "./header_reader.ts";
import { isTooDeep } from "./json_depth.ts";
import { EMPTY, type StoredTensor, type UnreadTensors } from "./stored_tensor.ts";
import { checkRanges, tensorBytes, type TensorRange } from "./tensor_ranges.ts";

/** The format allows 100 MB, which take seconds to read; 100,000 tensors take 15. */
const MAX_JSON_BYTES = 32_000_000;

/** Storage formats that tensors of a safetensors file may have. */
export const SAFETENSORS_FORMATS: readonly StorageFormat[] = FLOAT_FORMATS;

const FORMATS: ReadonlySet<string> = new Set(SAFETENSORS_FORMATS);

const SIZE = z.int().nonnegative();
const ENTRY = z.object({ dtype: z.string(), shape: z.array(SIZE), "data_offsets": z.tuple([SIZE, SIZE]) });

/**
 * Reads the header of a safetensors file; tensor data is not touched. Tensors of types that are not known go to `unread`.
 *
 * @throws {LoadError} naming the tensor at fault, if the file is truncated, inconsistent or of another kind, or if it has
 *   a tensor of an unknown type and there is no `unread`
 */
export function readSafetensors(path: string, unread?: UnreadTensors): StoredTensor[] {
  using reader = new HeaderReader(path);
  const headerBytes = reader.count("the header's length", 1);
  if (headerBytes > MAX_JSON_BYTES) {
    throw reader.error(`the header has ${headerBytes} bytes, at most ${MAX_JSON_BYTES} allowed`);
  }
  const entries = parseHeader(reader, headerBytes);
  const dataOffset = reader.offset;
  const ranges: (TensorRange & { readonly alignment: number })[] = [], tensors: StoredTensor[] = [];
  for (const [name, value] of Object.entries(entries)) {
    if (name === "__metadata__") continue;
    const entry = ENTRY.safeParse(value);
    if (!entry.success) throw reader.error(`tensor ${name} has a malformed header entry`);
    const { dtype, shape, data_offsets: [begin, end] } = entry.data;
    const offset = dataOffset + begin, isEmpty = shape.includes(0);
    if (isEmpty || !isFloatFormat(dtype) && !isIntegerFormat(dtype)) {
      const found = isEmpty ? EMPTY : `stored as ${dtype}`;
      if (unread === undefined) throw reader.error(`tensor ${name} is ${found}, which is not supported`);
      unread.set(name, found);
      if (end > begin) ranges.push({ name, offset, bytes: end - begin, alignment: 1 });
      continue;
    }
    const bytes = tensorBytes(path, name, dtype, shape);
    if (end - begin !== bytes) {
      throw reader.error(
        `tensor ${name} has ${end - begin} bytes, but [${shape.join(", ")}] of ${dtype} takes ${bytes}`,
      );
    }
    ranges.push({ name, offset, bytes, alignment: blockOf(dtype).bytes });
    tensors.push({ name, shape, format: dtype, offset, bytes });
  }
  checkRanges(path, reader.size, ranges);
  return tensors;
}

function parseHeader(reader: HeaderReader, headerBytes: number): object {
  const bytes = reader.bytes(headerBytes, "the header");
  if (isTooDeep(bytes)) throw reader.error("the header is nested too deeply");
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw reader.error("the header is not JSON; not a safetensors file?");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw reader.error("the header is not a JSON object");
  }
  return header;
}

function isFloatFormat(dtype: string): dtype is StorageFormat {
  return FORMATS.has(dtype);
}
