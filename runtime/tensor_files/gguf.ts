/**
 * The GGUF container, versions 2 and 3: typed metadata and tensor ranges. Layout as in ggml's docs/gguf.md.
 *
 * @module
 */
import type { StorageFormat } from "../contracts/storage_format.ts";
import { isStorageFormat } from "./formats.ts";
import { HeaderReader } from "./header_reader.ts";
import type { UnreadTensors } from "./stored_tensor.ts";
import { checkRanges, tensorBytes, type TensorRange } from "./tensor_ranges.ts";

/** A metadata value; numeric arrays keep their element type. */
export type GgufValue = number | bigint | boolean | string | readonly string[] | GgufNumbers;

/** A numeric metadata array. */
export type GgufNumbers = InstanceType<(typeof ARRAY_TYPES)[keyof typeof ARRAY_TYPES]>;

/** A tensor of a GGUF file, its range already checked. */
export interface GgufTensor {
  readonly name: string;
  /** Slowest first (rows, columns), the reverse of the file's order. */
  readonly shape: readonly number[];
  readonly format: StorageFormat;
  /** Path of the file; of a model in several files, the one that it lies in. */
  readonly file: string;
  /** Absolute offset in the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** The header of a GGUF file. */
export interface GgufFile {
  readonly path: string;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  /** Tensors of types that are not known. */
  readonly unread: UnreadTensors;
}

const MAGIC = 0x46554747;
/** Version 3 allows big-endian files, which nobody has; version 1 counted in 32 bits. */
const VERSIONS = [2, 3];
const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 65536;
const MAX_DIMS = 4;
/** Far above any real file's; a million entries take seconds to read. */
const MAX_FIELDS = 1 << 16, MAX_TENSORS = 1 << 18;
/** Least bytes of a metadata entry (key length, type, value) and of a tensor entry. */
const LEAST_FIELD_BYTES = 8 + 4 + 1;
const LEAST_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;

const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

/** Element types of numeric arrays, by metadata type. */
const ARRAY_TYPES = {
  0: Uint8Array,
  1: Int8Array,
  2: Uint16Array,
  3: Int16Array,
  4: Uint32Array,
  5: Int32Array,
  6: Float32Array,
  7: Uint8Array,
  10: BigUint64Array,
  11: BigInt64Array,
  12: Float64Array,
} as const;

/** ggml's type numbers; those that are not storage formats are named in the error only. */
const GGML_TYPES: Readonly<Record<number, string>> = {
  0: "F32",
  1: "F16",
  2: "Q4_0",
  3: "Q4_1",
  6: "Q5_0",
  7: "Q5_1",
  8: "Q8_0",
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  12: "Q4_K",
  13: "Q5_K",
  14: "Q6_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  30: "BF16",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};

/** Storage formats that tensors of a GGUF file may have. */
export const GGUF_FORMATS: readonly StorageFormat[] = Object.values(GGML_TYPES).filter(isStorageFormat);

/**
 * Reads the header of a GGUF file; tensor data is not touched.
 *
 * @throws {LoadError} naming the key or tensor at fault, if the file is not GGUF, truncated or inconsistent
 */
export function readGguf(path: string): GgufFile {
  using reader = new HeaderReader(path);
  if (reader.u32("the magic number") !== MAGIC) throw reader.error("not a GGUF file");
  const version = reader.u32("the version");
  if (!VERSIONS.includes(version)) {
    throw reader.error(`GGUF version ${version}, expected ${VERSIONS.join(" or ")}`);
  }
  const numTensors = reader.count("the number of tensors", LEAST_TENSOR_BYTES);
  const numFields = reader.count("the number of metadata entries", LEAST_FIELD_BYTES);

  if (numTensors > MAX_TENSORS || numFields > MAX_FIELDS) {
    throw reader.error(
      `${numTensors} tensors and ${numFields} metadata entries, at most ${MAX_TENSORS} and ${MAX_FIELDS} allowed`,
    );
  }

  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < numFields; i++) {
    const key = reader.string(`metadata key ${i}`);
    if (metadata.has(key)) throw reader.error(`metadata key ${key} occurs twice`);
    metadata.set(key, readValue(reader, key));
  }
  const entries = Array.from({ length: numTensors }, (_, i) => readTensor(reader, i));
  const names = new Set<string>();
  for (const { name } of entries) {
    if (names.has(name)) throw reader.error(`tensor ${name} occurs twice`);
    names.add(name);
  }

  const alignment = readAlignment(reader, metadata);
  const dataOffset = Math.ceil(reader.offset / alignment) * alignment;
  const ranges: (TensorRange & { readonly alignment: number })[] = [], tensors: GgufTensor[] = [];
  const unread: UnreadTensors = new Map();
  for (const { name, shape, type, offset: inData } of entries) {
    const offset = dataOffset + inData, format = GGML_TYPES[type] ?? `ggml type ${type}`;
    const isKnown = isStorageFormat(format), bytes = isKnown ? tensorBytes(path, name, format, shape) : 0;
    ranges.push({ name, offset, bytes, alignment });
    if (isKnown) tensors.push({ name, shape, format, file: path, offset, bytes });
    else unread.set(name, `stored as ${format}`);
  }
  checkRanges(path, reader.size, ranges);
  return { path, metadata, tensors, unread };
}

/** A tensor entry; its offset is relative to the data section. */
interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
  readonly offset: number;
}

function readValue(reader: HeaderReader, key: string): GgufValue {
  const type = reader.u32(key);
  if (type === STRING) return reader.string(key);
  if (type !== ARRAY) {
    const value = readNumbers(reader, key, type, 1)[0]!;
    return type === BOOL ? value !== 0 : value;
  }
  const elementType = reader.u32(key);
  if (elementType !== STRING) {
    return readNumbers(reader, key, elementType, reader.count(`the length of ${key}`, 1));
  }
  const length = reader.count(`the length of ${key}`, 8);
  const strings: string[] = [];
  for (let i = 0; i < length; i++) strings.push(reader.string(key));
  return strings;
}

function readNumbers(reader: HeaderReader, key: string, type: number, length: number): GgufNumbers {
  const Numbers = Object.hasOwn(ARRAY_TYPES, type)
    ? ARRAY_TYPES[type as keyof typeof ARRAY_TYPES]
    : undefined;
  if (Numbers === undefined) throw reader.error(`${key} has the unknown metadata type ${type}`);
  // Copied: the view must start at a multiple of its element size and outlive the reader's chunk.
  return new Numbers(reader.bytes(length * Numbers.BYTES_PER_ELEMENT, key).slice().buffer);
}

function readTensor(reader: HeaderReader, index: number): TensorEntry {
  const name = reader.string(`the name of tensor ${index}`);
  const numDims = reader.u32(`the rank of tensor ${name}`);
  if (numDims < 1 || numDims > MAX_DIMS) throw reader.error(`tensor ${name} has ${numDims} dimensions`);
  const shape = Array.from({ length: numDims }, () => reader.u64(`the shape of tensor ${name}`)).reverse();
  const type = reader.u32(`the type of tensor ${name}`);
  return { name, shape, type, offset: reader.u64(`the offset of tensor ${name}`) };
}

function readAlignment(reader: HeaderReader, metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  const valid = typeof alignment === "number" && alignment >= 8 && alignment <= MAX_ALIGNMENT &&
    Number.isInteger(Math.log2(alignment));
  if (!valid) throw reader.error(`general.alignment is ${alignment}`);
  return alignment;
}
