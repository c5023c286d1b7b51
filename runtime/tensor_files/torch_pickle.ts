/**
 * PyTorch's own files (`pytorch_model.bin`, `.pt`): a zip archive with a pickle that describes tensors and the raw bytes
 * of each storage. Tensors are used where they lie; nothing in the file can run.
 *
 * @module
 */
import type { StorageFormat } from "../contracts/storage_format.ts";
import { LoadError } from "../contracts/errors.ts";
import { blockOf, type IntegerFormat, isStorageFormat } from "./formats.ts";
import { readPickle } from "./pickle.ts";
import {
  PickleGlobal,
  PickleMap,
  PickleObject,
  type PickleRules,
  type PickleValue,
} from "./pickle_values.ts";
import { EMPTY, type StoredTensor, type UnreadTensors } from "./stored_tensor.ts";
import { listZip, type ZipRange } from "./zip.ts";

/** A file that `torch.save` wrote. */
export interface TorchFile {
  readonly path: string;
  /** What was saved; see {@linkcode tensorOf} for the tensors in it. */
  readonly value: PickleValue;
}

/** The largest description that is read: of tensors kilobytes, of a list of 256,000 tokens a megabyte. */
const MAX_PICKLE_BYTES = 8 * 1024 * 1024;

const STORAGES: ReadonlyMap<string, Format> = new Map([
  ["torch.FloatStorage", "F32"],
  ["torch.HalfStorage", "F16"],
  ["torch.BFloat16Storage", "BF16"],
  ["torch.LongStorage", "I64"],
  ["torch.IntStorage", "I32"],
  ["torch.ByteStorage", "U8"],
  ["torch.BoolStorage", "BOOL"],
  ["torch.CharStorage", "I8"],
]);

/** Storage formats that tensors of a PyTorch file may have. */
export const TORCH_FORMATS: readonly StorageFormat[] = [...STORAGES.values()].filter(isStorageFormat);

/** Types whose tensors are of no use here. */
const UNREAD_STORAGES: ReadonlyMap<string, string> = new Map([
  ["torch.DoubleStorage", "F64"],
  ["torch.ShortStorage", "I16"],
  ["torch.ComplexFloatStorage", "C64"],
  ["torch.ComplexDoubleStorage", "C128"],
]);

type Format = StorageFormat | IntegerFormat;

/** Raw numbers in the file. */
class TorchStorage extends PickleObject {
  readonly format: Format;
  readonly offset: number;
  readonly bytes: number;

  constructor(format: Format, { offset, bytes }: ZipRange) {
    super();
    this.format = format;
    this.offset = offset;
    this.bytes = bytes;
  }
}

/** Numbers of a type that is of no use. */
class UnreadStorage extends PickleObject {
  readonly type: string;

  constructor(type: string) {
    super();
    this.type = type;
  }
}

/** A tensor that nothing here can read. */
class UnreadTensor extends PickleObject {
  /** As in {@linkcode UnreadTensors}. */
  readonly found: string;

  constructor(found: string) {
    super();
    this.found = found;
  }
}

class TorchTensor extends PickleObject {
  readonly range: Omit<StoredTensor, "name">;

  constructor(range: Omit<StoredTensor, "name">) {
    super();
    this.range = range;
  }
}

/**
 * Reads what `torch.save` wrote; tensor data is not touched.
 *
 * @throws {LoadError} if the file is damaged, of PyTorch's old format, or holds anything but plain values and tensors
 */
export async function readTorchFile(path: string): Promise<TorchFile> {
  let entries: ZipRange[];
  try {
    entries = await listZip(path);
  } catch (error) {
    throw new LoadError(
      `Cannot load ${path}: ${
        error instanceof Error ? error.message : error
      }; expected a file of PyTorch 1.6 or later`,
    );
  }
  const description = entries.find(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (description === undefined) throw new LoadError(`Cannot load ${path}: it has no data.pkl`);
  const root = description.name.slice(0, -"data.pkl".length);
  const byteOrder = entries.find(({ name }) => name === `${root}byteorder`);
  if (byteOrder && new TextDecoder().decode(await readEntry(path, byteOrder)) !== "little") {
    throw new LoadError(`Cannot load ${path}: its byte order is not little`);
  }
  const pickle = await readEntry(path, description);
  const data = new Map(entries.map((entry) => [entry.name, entry]));
  return { path, value: readPickle(pickle, rulesFor(path, `${root}data/`, data), `${path}/data.pkl`) };
}

/** The tensor a value stands for, under a name; undefined if it is none. */
export function tensorOf(name: string, value: PickleValue | undefined): StoredTensor | undefined {
  return value instanceof TorchTensor ? { ...value.range, name } : undefined;
}

/**
 * The tensors of a saved `state_dict`. Those that are of no use go to `unread`, as does what is no tensor.
 *
 * @throws {LoadError} if something else was saved
 */
export function stateDict({ path, value }: TorchFile, unread: UnreadTensors = new Map()): StoredTensor[] {
  if (!(value instanceof PickleMap)) throw new LoadError(`Cannot load ${path}: it holds no state_dict`);
  const tensors: StoredTensor[] = [];
  for (const [name, entry] of value) {
    const tensor = tensorOf(String(name), entry);
    if (tensor !== undefined) tensors.push(tensor);
    else unread.set(String(name), entry instanceof UnreadTensor ? entry.found : "not a tensor");
  }
  return tensors;
}

function rulesFor(path: string, folder: string, data: ReadonlyMap<string, ZipRange>): PickleRules {
  const fail = (reason: string) => new LoadError(`Cannot load ${path}: ${reason}`);
  const types = [...STORAGES.keys(), ...UNREAD_STORAGES.keys()];
  const storages: [string, undefined][] = types.map((name) => [name, undefined]);
  return {
    globals: new Map<string, ((args: readonly PickleValue[]) => PickleValue) | undefined>([
      ...storages,
      ["collections.OrderedDict", (args) => orderedDict(args, fail)],
      ["torch._utils._rebuild_tensor_v2", (args) => rebuildTensor(args, fail)],
      ["torch._utils._rebuild_parameter", ([tensor]) => tensor ?? null],
    ]),
    persistent(id) {
      const [kind, type, key] = Array.isArray(id) ? id : [];
      const name = type instanceof PickleGlobal ? type.name : "", format = STORAGES.get(name);
      const unread = UNREAD_STORAGES.get(name);
      if (kind === "storage" && unread !== undefined) return new UnreadStorage(unread);
      const entry = typeof key === "string" ? data.get(folder + key) : undefined;
      if (kind !== "storage" || format === undefined || entry === undefined) {
        throw fail("a storage is not among its data");
      }
      if (entry.deflated) throw fail(`${entry.name} is compressed, expected stored bytes`);
      return new TorchStorage(format, entry);
    },
  };
}

function orderedDict(args: readonly PickleValue[], fail: (reason: string) => LoadError): PickleMap {
  const pairs = args[0] ?? [];
  if (!Array.isArray(pairs)) throw fail("an OrderedDict is malformed");
  return new PickleMap(pairs.map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw fail("an OrderedDict is malformed");
    return [pair[0]!, pair[1]!];
  }));
}

/** Arguments: storage, offset, shape, strides, and some that matter to training only. */
function rebuildTensor(
  [storage, first, shape, strides]: readonly PickleValue[],
  fail: (reason: string) => LoadError,
): TorchTensor | UnreadTensor {
  if (storage instanceof UnreadStorage) return new UnreadTensor(`stored as ${storage.type}`);
  const isSizes = (value: PickleValue | undefined): value is number[] =>
    Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && Number(size) >= 0);
  if (
    !(storage instanceof TorchStorage) || !Number.isSafeInteger(first) || Number(first) < 0 ||
    !isSizes(shape) || !isSizes(strides)
  ) {
    throw fail("a tensor is malformed");
  }
  const count = shape.reduce((product, size) => product * size, 1), width = blockOf(storage.format).bytes;
  let expected = count;
  const isContiguous = shape.every((size, i) => {
    expected /= size;
    return size === 1 || strides[i] === expected;
  });
  if (count === 0) return new UnreadTensor(EMPTY);
  if (!isContiguous) return new UnreadTensor("not contiguous");
  const start = Number(first) * width, bytes = count * width;
  if (!(start + bytes <= storage.bytes)) throw fail(`a tensor of [${shape.join(", ")}] leaves its storage`);
  return new TorchTensor({ format: storage.format, offset: storage.offset + start, bytes, shape });
}

async function readEntry(path: string, { name, offset, bytes, deflated }: ZipRange): Promise<Uint8Array> {
  if (deflated || bytes > MAX_PICKLE_BYTES) {
    throw new LoadError(`Cannot load ${path}: ${name} is compressed or over ${MAX_PICKLE_BYTES} bytes`);
  }
  const data = new Uint8Array(bytes);
  using file = await Deno.open(path);
  await file.seek(offset, Deno.SeekMode.Start);
  for (let filled = 0; filled < bytes;) {
    const read = await file.read(data.subarray(filled));
    if (read === null) throw new LoadError(`Cannot load ${path}: it ends inside ${name}`);
    filled += read;
  }
  return data;
}
