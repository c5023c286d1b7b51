/**
 * Writes pickles and files as `torch.save` does, for tests.
 *
 * @module
 */
import type { SafetensorsData } from "./safetensors_writer.ts";
import { zipBytes } from "./zip_writer.ts";

/** Bytes and opcodes of a pickle, put together. */
export type PickleParts = readonly (number | string | Uint8Array | PickleParts)[];

const encoder = new TextEncoder();

/** Concatenates opcodes (numbers), raw text and bytes. */
export function pickleBytes(parts: PickleParts): Uint8Array<ArrayBuffer> {
  const flat = parts.flatMap((part): number[] =>
    typeof part === "number"
      ? [part]
      : typeof part === "string"
      ? [...encoder.encode(part)]
      : part instanceof Uint8Array
      ? [...part]
      : [...pickleBytes(part)]
  );
  return Uint8Array.from(flat);
}

/** Opcodes of single values. */
export const pickle = {
  proto: [0x80, 2],
  stop: 0x2e,
  text: (text: string): PickleParts => [0x58, u32(encoder.encode(text).length), text],
  int: (value: number): PickleParts => [0x4a, u32(value)],
  tuple: (...items: readonly PickleParts[]): PickleParts => [0x28, ...items, 0x74],
  list: (...items: readonly PickleParts[]): PickleParts => [0x5d, 0x28, ...items, 0x65],
  dict: (...items: readonly PickleParts[]): PickleParts => [0x7d, 0x28, ...items, 0x75],
  global: (module: string, name: string): PickleParts => ["c", module, "\n", name, "\n"],
  /** Calls what `callee` pushes with what `args` pushes. */
  call: (callee: PickleParts, args: PickleParts): PickleParts => [callee, args, 0x52],
  persistent: (id: PickleParts): PickleParts => [id, 0x51],
};

const STORAGES: Readonly<Record<string, readonly [name: string, bytes: number]>> = {
  F32: ["FloatStorage", 4],
  F64: ["DoubleStorage", 8],
  F16: ["HalfStorage", 2],
  BF16: ["BFloat16Storage", 2],
  I64: ["LongStorage", 8],
  I32: ["IntStorage", 4],
  BOOL: ["BoolStorage", 1],
};

/** A tensor over the whole of storage `key`, or over what `strides` and `first` say. */
export function pickledTensor(
  { dtype, shape, bytes }: Omit<SafetensorsData, "name">,
  key: string,
  { first = 0, strides = contiguous(shape) } = {},
): PickleParts {
  const [storage, width] = STORAGES[dtype]!;
  const id = pickle.tuple(
    pickle.text("storage"),
    pickle.global("torch", storage),
    pickle.text(key),
    pickle.text("cpu"),
    pickle.int(bytes.length / width),
  );
  const numbers = (values: readonly number[]) => pickle.tuple(...values.map(pickle.int));
  return pickle.call(
    pickle.global("torch._utils", "_rebuild_tensor_v2"),
    pickle.tuple(
      pickle.persistent(id),
      pickle.int(first),
      numbers(shape),
      numbers(strides),
      [0x89],
      pickle.call(pickle.global("collections", "OrderedDict"), [0x29]),
    ),
  );
}

/** The archive that `torch.save` makes of this pickle and these storages. */
export async function torchArchive(
  value: PickleParts,
  storages: readonly Uint8Array[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  const file = (name: string, content: Uint8Array) =>
    ({ name: `archive/${name}`, content: Uint8Array.from(content), deflated: false }) as const;
  return await zipBytes([
    file("data.pkl", pickleBytes([pickle.proto, value, pickle.stop])),
    file("byteorder", encoder.encode("little")),
    ...storages.map((bytes, key) => file(`data/${key}`, bytes)),
  ]);
}

/** A saved `state_dict`. */
export async function torchBytes(tensors: readonly SafetensorsData[]): Promise<Uint8Array<ArrayBuffer>> {
  const items = tensors.flatMap((
    tensor,
    key,
  ) => [pickle.text(tensor.name), pickledTensor(tensor, String(key))]);
  return await torchArchive(pickle.dict(...items), tensors.map(({ bytes }) => bytes));
}

function contiguous(shape: readonly number[]): number[] {
  return shape.map((_, i) => shape.slice(i + 1).reduce((product, size) => product * size, 1));
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value, value >> 8, value >> 16, value >> 24);
}
