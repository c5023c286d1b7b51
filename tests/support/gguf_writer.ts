/**
 * Writes small GGUF files for tests.
 *
 * @module
 */

/** A metadata value with the type it is stored as. */
export type GgufField =
  | { readonly type: "u16" | "u32" | "i32" | "f32" | "u64"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "i32s"; readonly value: readonly number[] };

/** A tensor as it is stored; `dims` fastest first, as GGUF has them. */
export interface GgufTensorData {
  readonly name: string;
  readonly dims: readonly number[];
  /** ggml type, e.g. 0 for F32. */
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** ggml's numbers of the formats Aerie reads. */
export const GGML_TYPE = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  Q2_K: 10,
  Q3_K: 11,
  IQ4_NL: 20,
  IQ4_XS: 23,
  MXFP4: 39,
  BF16: 30,
} as const;

const ALIGNMENT = 32;

/** The bytes of a GGUF file. */
export function ggufBytes(
  fields: ReadonlyMap<string, GgufField>,
  tensors: readonly GgufTensorData[],
  version = 3,
): Uint8Array<ArrayBuffer> {
  const header = new ByteSink();
  header.text("GGUF");
  header.u32(version);
  header.u64(tensors.length);
  header.u64(fields.size);
  for (const [key, field] of fields) {
    header.string(key);
    writeField(header, field);
  }
  let offset = 0;
  for (const { name, dims, type, bytes } of tensors) {
    header.string(name);
    header.u32(dims.length);
    for (const dim of dims) header.u64(dim);
    header.u32(type);
    header.u64(offset);
    offset = aligned(offset + bytes.length);
  }
  const data = aligned(header.length);
  const file = new Uint8Array(data + offset);
  file.set(header.bytes());
  let at = data;
  for (const { bytes } of tensors) {
    file.set(bytes, at);
    at = aligned(at + bytes.length);
  }
  return file;
}

function writeField(sink: ByteSink, field: GgufField): void {
  switch (field.type) {
    case "u16":
      sink.u32(2);
      return sink.u16(field.value);
    case "u32":
      sink.u32(4);
      return sink.u32(field.value);
    case "i32":
      sink.u32(5);
      return sink.u32(field.value);
    case "f32":
      sink.u32(6);
      return sink.f32(field.value);
    case "u64":
      sink.u32(10);
      return sink.u64(field.value);
    case "bool":
      sink.u32(7);
      return sink.u8(field.value ? 1 : 0);
    case "string":
      sink.u32(8);
      return sink.string(field.value);
    case "strings":
      sink.u32(9);
      sink.u32(8);
      sink.u64(field.value.length);
      return field.value.forEach((text) => sink.string(text));
    case "i32s":
      sink.u32(9);
      sink.u32(5);
      sink.u64(field.value.length);
      return field.value.forEach((value) => sink.u32(value));
  }
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

class ByteSink {
  readonly #parts: Uint8Array[] = [];
  length = 0;

  u8(value: number): void {
    this.#number(1, (view) => view.setUint8(0, value));
  }

  u16(value: number): void {
    this.#number(2, (view) => view.setUint16(0, value, true));
  }

  u32(value: number): void {
    this.#number(4, (view) => view.setUint32(0, value >>> 0, true));
  }

  u64(value: number): void {
    this.#number(8, (view) => view.setBigUint64(0, BigInt(value), true));
  }

  f32(value: number): void {
    this.#number(4, (view) => view.setFloat32(0, value, true));
  }

  text(value: string): void {
    this.#push(new TextEncoder().encode(value));
  }

  string(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.u64(bytes.length);
    this.#push(bytes);
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  #number(bytes: number, set: (view: DataView) => void): void {
    const view = new DataView(new ArrayBuffer(bytes));
    set(view);
    this.#push(new Uint8Array(view.buffer));
  }

  #push(part: Uint8Array): void {
    this.#parts.push(part);
    this.length += part.length;
  }
}
