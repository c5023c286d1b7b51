/**
 * Typed access to GGUF metadata, and to tensors that are settings.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import type { GgufFile, GgufValue } from "./gguf.ts";
import { readFloats } from "./stored_tensor.ts";

/** Reads metadata by key; a value of the wrong type is a {@linkcode LoadError} that names the key. */
export class GgufMetadata {
  readonly #file: GgufFile;

  /** Reads the metadata of `file`. */
  constructor(file: GgufFile) {
    this.#file = file;
  }

  /** A finite number; undefined if the key is absent, as with the other types. */
  number(key: string): number | undefined {
    return this.#read(
      key,
      "a number",
      (value) => {
        const number = typeof value === "bigint" ? Number(value) : value;
        return typeof number === "number" && Number.isFinite(number) ? number : undefined;
      },
    );
  }

  /** A boolean. */
  boolean(key: string): boolean | undefined {
    return this.#read(key, "a boolean", (value) => typeof value === "boolean" ? value : undefined);
  }

  /** A string. */
  string(key: string): string | undefined {
    return this.#read(key, "a string", (value) => typeof value === "string" ? value : undefined);
  }

  /** An array of strings. */
  strings(key: string): readonly string[] | undefined {
    return this.#read(key, "strings", (value) => isStrings(value) ? value : undefined);
  }

  /** An array of 32-bit integers. */
  int32s(key: string): Int32Array | undefined {
    return this.#read(key, "32-bit integers", (value) => value instanceof Int32Array ? value : undefined);
  }

  /** Numbers or truth values, one or a list. */
  numbers(key: string): readonly number[] | undefined {
    return this.#read(key, "numbers", (value) => {
      if (typeof value === "string" || isStrings(value)) return undefined;
      return typeof value === "object" ? Array.from(value, Number) : [Number(value)];
    });
  }

  /**
   * A positive whole number, which may be written out for each layer.
   *
   * @throws {LoadError} if layers differ
   */
  uniform(key: string): number | undefined {
    const numbers = this.numbers(key);
    if (numbers === undefined) return undefined;
    const [first, ...others] = numbers, isSize = Number.isSafeInteger(first) && first! > 0;
    if (isSize && others.every((number) => number === first)) return first;
    throw this.error(`${key} is ${numbers.slice(0, 8).join(", ")}, expected one positive number`);
  }

  /** How many elements an array has. */
  length(key: string): number | undefined {
    return this.#read(
      key,
      "an array",
      (value) => typeof value === "object" && "length" in value ? value.length : undefined,
    );
  }

  /** Whether the file has a tensor of this name. */
  hasTensor(name: string): boolean {
    return this.#file.tensors.some((tensor) => tensor.name === name);
  }

  /**
   * The numbers of a tensor [length] of F32; undefined if it is absent.
   *
   * @throws {LoadError} if it has another shape or format
   */
  vector(name: string, length: number): number[] | undefined {
    const tensor = this.#file.tensors.find((tensor) => tensor.name === name);
    if (tensor === undefined) return undefined;
    const { shape, format } = tensor;
    if (format !== "F32" || shape.length !== 1 || shape[0] !== length) {
      throw this.error(`tensor ${name} is ${format} [${shape.join(", ")}], expected F32 [${length}]`);
    }
    return [...readFloats(tensor.file, tensor)];
  }

  /** A number that must be there, a positive integer. */
  size(key: string): number {
    const value = this.required(key, this.number(key));
    if (!Number.isSafeInteger(value) || value <= 0) throw this.error(`${key} is ${value}`);
    return value;
  }

  /** Passes a value on. @throws {LoadError} if it is undefined */
  required<Value>(key: string, value: Value | undefined): Value {
    if (value === undefined) throw this.error(`${key} is missing`);
    return value;
  }

  /** The error for this file. */
  error(reason: string): LoadError {
    return new LoadError(`Cannot load ${this.#file.path}: ${reason}`);
  }

  #read<Value>(
    key: string,
    kind: string,
    narrow: (value: GgufValue) => Value | undefined,
  ): Value | undefined {
    const value = this.#file.metadata.get(key);
    if (value === undefined) return undefined;
    const narrowed = narrow(value);
    if (narrowed === undefined) throw this.error(`${key} is not ${kind}`);
    return narrowed;
  }
}

function isStrings(value: GgufValue): value is readonly string[] {
  return Array.isArray(value);
}
