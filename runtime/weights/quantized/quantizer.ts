/**
 * What a method of quantisation is to the loader: the modules that it quantised, by their tensors, become matrices.
 *
 * @module
 */
import type { GroupQuantization, StoredRange } from "../../contracts/checkpoint.ts";
import { FLOAT_FORMATS } from "../../contracts/storage_format.ts";
import { LoadError } from "../../contracts/errors.ts";
import { readIntegers, type StoredTensor } from "../../tensor_files/stored_tensor.ts";

/** A tensor and the file that holds it. */
export type ShardTensor = StoredTensor & { readonly file: string };

/** A matrix that the tensors of one module make. */
export interface QuantizedMatrix extends GroupQuantization {
  /** Rows of the matrix, then columns. */
  readonly shape: readonly [rows: number, cols: number];
}

/** A method of quantisation with its settings. */
export interface Quantizer {
  /** What the numbers of a quantised module are called behind its name. */
  readonly numbers: string;
  /** @throws {LoadError} naming the tensor that is missing or has another shape */
  readonly matrix: (module: QuantizedModule) => QuantizedMatrix;
}

/** The tensors of one module. */
export class QuantizedModule {
  readonly #path: string;
  readonly #name: string;
  readonly #tensors: ReadonlyMap<string, ShardTensor>;

  constructor(path: string, name: string, tensors: ReadonlyMap<string, ShardTensor>) {
    this.#path = path;
    this.#name = name;
    this.#tensors = tensors;
  }

  /** The tensor of this name behind the module's. */
  find(name: string): ShardTensor | undefined {
    return this.#tensors.get(`${this.#name}.${name}`);
  }

  /** @throws {LoadError} if there is none, or it is stored otherwise */
  tensor(name: string, ...formats: readonly string[]): ShardTensor {
    const tensor = this.find(name);
    if (tensor === undefined) throw this.error(name, "is missing");
    if (!formats.includes(tensor.format)) {
      throw this.error(name, `is stored as ${tensor.format}, expected ${formats.join(" or ")}`);
    }
    return tensor;
  }

  /** The scales, whose shape is checked. @throws {LoadError} */
  scales(
    name: string,
    ...shapes: readonly (readonly number[])[]
  ): ShardTensor & GroupQuantization["scales"] {
    const tensor = this.tensor(name, ...FLOAT_FORMATS);
    this.expectShape(name, tensor.shape, ...shapes);
    return tensor as ShardTensor & GroupQuantization["scales"];
  }

  /** @throws {LoadError} if the shape is none of those */
  expectShape(name: string, shape: readonly number[], ...shapes: readonly (readonly number[])[]): void {
    if (shapes.some((expected) => `${expected}` === `${shape}`)) return;
    const expected = shapes.map((each) => `[${each.join(", ")}]`).join(" or ");
    throw this.error(name, `is [${shape.join(", ")}], expected ${expected}`);
  }

  /** The groups of inputs that a tensor of this name lists, unless there is none or they are in order. @throws {LoadError} */
  groups(name: string, cols: number, groupCols: number): StoredRange | undefined {
    if (this.find(name) === undefined) return undefined;
    const tensor = this.tensor(name, "I32");
    this.expectShape(name, tensor.shape, [cols]);
    const isInOrder = readIntegers(tensor.file, tensor).every((group, i) =>
      group === Math.floor(i / groupCols)
    );
    return isInOrder ? undefined : tensor;
  }

  /**
   * Inputs of a group; a size of -1 means all.
   *
   * @throws {LoadError} if inputs do not divide into whole blocks, or groups do not
   */
  groupCols(cols: number, groupSize: number): number {
    const size = groupSize === -1 ? cols : groupSize;
    if (cols % BLOCK === 0 && size > 0 && size % BLOCK === 0) return size;
    throw this.error("weight", `has ${cols} inputs in groups of ${size}, expected multiples of ${BLOCK}`);
  }

  /** The error for a tensor of the module. */
  error(name: string, reason: string): LoadError {
    return new LoadError(`Cannot load ${this.#path}: tensor ${this.#name}.${name} ${reason}`);
  }
}

/** Inputs that are packed together. */
const BLOCK = 32;
/** Numbers of 4 bits in a word of 32. */
export const PER_WORD = 8;
