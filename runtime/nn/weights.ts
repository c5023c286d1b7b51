/**
 * Walks a checkpoint by its own names and brings tensors into native memory: `weights.at("self_attn").linear("q_proj")`.
 *
 * @module
 */
import type { Checkpoint, StoredRange, TensorSource } from "../contracts/checkpoint.ts";
import { FLOAT_FORMATS, type StorageFormat } from "../contracts/storage_format.ts";
import { LoadError } from "../contracts/errors.ts";
import type { Context, Dtype } from "../../ffi/context.ts";
import { appendGroups } from "../../ffi/quantized_groups.ts";
import type { FileId, TensorId, WeightId } from "../../ffi/handles.ts";

/** Shared state of loading: the context, the type of floating matrices, and what was loaded so far. */
export interface WeightStore {
  readonly context: Context;
  readonly checkpoint: Checkpoint;
  /** Type in which floating matrices are stored. */
  readonly dtype: keyof typeof Dtype;
  /** Called after each tensor with the bytes read so far. */
  readonly onProgress?: (doneBytes: number) => void;
}

const FLOATS: ReadonlySet<StorageFormat> = new Set(FLOAT_FORMATS);

/** Loads tensors whose names start with a prefix. */
export class Weights {
  readonly #store: WeightStore;
  readonly #prefix: string;
  readonly #files: Map<string, FileId>;
  readonly #loaded: { bytes: number; packedBytes: number };

  constructor(store: WeightStore, prefix = "", parent?: Weights) {
    this.#store = store;
    this.#prefix = prefix;
    this.#files = parent ? parent.#files : new Map();
    this.#loaded = parent ? parent.#loaded : { bytes: 0, packedBytes: 0 };
  }

  /** The weights below `name`. */
  at(name: string | number): Weights {
    return new Weights(this.#store, `${this.#prefix}${name}.`, this);
  }

  /** Bytes of the packed matrices loaded so far. */
  get packedBytes(): number {
    return this.#loaded.packedBytes;
  }

  /** Whether the checkpoint has a tensor of this name. */
  has(name: string): boolean {
    return this.#store.checkpoint.tensors.has(this.#prefix + name);
  }

  /** Rows of a matrix, numbers of a vector. @throws {LoadError} if it is missing */
  rowsOf(name: string): number {
    return this.#source(name).shape[0]!;
  }

  /**
   * One matrix of the `weight`s of these modules, stacked in order: [sum of rows, cols].
   *
   * @throws {LoadError} if one is missing or their columns differ
   */
  matrix(...names: string[]): WeightId {
    const sources = names.map((name) => this.#source(`${name}.weight`)), cols = sources[0]!.shape[1]!;
    const weight = this.#stack(sources, cols, 0, cols);
    for (const source of sources) this.#count(source);
    return weight;
  }

  /**
   * One matrix of projections of all experts, projection by projection, in each of them expert by expert:
   * [names * count * rows of one, cols]. A projection of all experts is one tensor, or each expert has its own.
   *
   * @throws {LoadError} if one is missing or their columns differ
   */
  experts(count: number, ...names: string[]): WeightId {
    const sources = names.flatMap((name) => {
      const stacked = `experts.${name}.weight`;
      if (this.has(stacked)) return [this.#source(stacked)];
      return Array.from({ length: count }, (_, expert) => this.#source(`experts.${expert}.${name}.weight`));
    });
    const cols = sources[0]!.shape.at(-1)!, weight = this.#stack(sources, cols, 0, cols);
    for (const source of sources) this.#count(source);
    return weight;
  }

  /**
   * A stacked matrix cut into blocks of columns of these widths, one per input of a concatenation.
   *
   * @throws {LoadError} if one is missing or its columns are not the sum of the widths
   */
  columns(widths: readonly number[], ...names: string[]): WeightId[] {
    const sources = names.map((name) => this.#source(`${name}.weight`));
    const cols = widths.reduce((sum, width) => sum + width, 0);
    let first = 0;
    const weights = widths.map((width) => this.#stack(sources, cols, (first += width) - width, width));
    for (const source of sources) this.#count(source);
    return weights;
  }

  /** Rows of `sources`, which are `cols` wide, from column `first` on. */
  #stack(sources: readonly TensorSource[], cols: number, first: number, width: number): WeightId {
    const { context, checkpoint, dtype } = this.#store;
    const rows = sources.reduce((sum, source) => sum + rowsIn(source), 0);
    const weight = context.createWeight(rows, width);
    for (const source of sources) {
      if (source.shape.at(-1) !== cols) {
        throw new LoadError(`Cannot stack ${source.name}: ${source.shape.at(-1)} columns, expected ${cols}`);
      }
      if (source.quantization !== undefined) {
        this.#appendGroups(weight, source, width);
        continue;
      }
      const headDim = source.rowOrder === "interleaved" ? checkpoint.config.headDim : 0;
      const numRows = rowsIn(source), rowBytes = source.bytes / numRows, range = this.#range(source);
      const columns = { ...range, offset: range.offset + rowBytes / cols * first, rowBytes };
      context.appendWeight(weight, columns, numRows, headDim);
    }
    context.packWeight(weight, dtype);
    this.#loaded.packedBytes += context.weightBytes(weight);
    return weight;
  }

  #appendGroups(weight: WeightId, { name, shape, quantization }: TensorSource, width: number): void {
    const { numbers, scales, zeros, groups, ...rest } = quantization!, [rows, cols] = shape;
    if (width !== cols) throw new LoadError(`Cannot load ${name}: quantised in groups, and cut into columns`);
    const place = ({ file, offset }: StoredRange) => ({ file: this.#open(file), offset });
    appendGroups(this.#store.context, weight, {
      ...rest,
      numbers: place(numbers),
      scales: { ...place(scales), format: scales.format },
      ...(zeros && { zeros: place(zeros) }),
      ...(groups && { groups: place(groups) }),
    }, rows!);
  }

  /** A vector as float32 [1, n], in Hugging Face's order. */
  vector(name: string): TensorId {
    const source = this.#source(name);
    const { context } = this.#store, size = source.shape[0]!;
    const tensor = context.loadTensor(this.#range(source), 1, size);
    this.#count(source);
    const { addend = 0, rowOrder } = source;
    if (addend === 0 && rowOrder === "plain") return tensor;
    const stored = new Float32Array(size), half = this.#store.checkpoint.config.headDim / 2;
    context.readTensor(tensor, stored, 0, 1);
    const numbers = stored.map((number, i) => {
      if (rowOrder === "plain") return number + addend;
      const inHead = i % (2 * half);
      return stored[i - inHead + inHead % half * 2 + Math.floor(inHead / half)]! + addend;
    });
    context.writeTensor(tensor, numbers, 0, 1);
    return tensor;
  }

  /**
   * The `bias`es of these modules side by side, [1, n]; undefined if there are none.
   *
   * @throws {LoadError} if only some have one
   */
  bias(...names: string[]): TensorId | undefined {
    const { context } = this.#store;
    if (!names.some((name) => this.has(`${name}.bias`))) return undefined;
    const sizes = names.map((name) => this.#source(`${name}.bias`).shape[0]!);
    const all = new Float32Array(sizes.reduce((sum, size) => sum + size, 0));
    let first = 0;
    names.forEach((name, i) => {
      const part = all.subarray(first, first += sizes[i]!), tensor = this.vector(`${name}.bias`);
      context.readTensor(tensor, part, 0, 1);
      context.releaseTensor(tensor);
    });
    const bias = context.createTensor(1, all.length);
    context.writeTensor(bias, all, 0, 1);
    return bias;
  }

  /** Unmaps the files; what was loaded stays. */
  close(): void {
    for (const file of this.#files.values()) this.#store.context.closeFile(file);
    this.#files.clear();
  }

  /** The type that `--dtype auto` stores a floating checkpoint in: bfloat16 unless it holds float32 only. */
  static autoDtype(checkpoint: Checkpoint): "float32" | "bfloat16" {
    for (const { shape, format } of checkpoint.tensors.values()) {
      if (shape.length > 1 && FLOATS.has(format) && format !== "F32") return "bfloat16";
    }
    return "float32";
  }

  #source(name: string): TensorSource {
    const source = this.#store.checkpoint.tensors.get(this.#prefix + name);
    if (!source) {
      throw new LoadError(`Cannot find tensor: ${this.#prefix}${name} in ${this.#store.checkpoint.path}`);
    }
    return source;
  }

  #range(source: TensorSource): { file: FileId; offset: number; format: StorageFormat } {
    return { file: this.#open(source.file), offset: source.offset, format: source.format };
  }

  #open(path: string): FileId {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = this.#store.context.openFile(path);
      this.#files.set(path, file);
    }
    return file;
  }

  #count(source: TensorSource): void {
    this.#loaded.bytes += source.bytes;
    this.#store.onProgress?.(this.#loaded.bytes);
  }
}

/** Rows of a matrix, or of all matrices of a tensor of several. */
function rowsIn({ shape }: TensorSource): number {
  return shape.slice(0, -1).reduce((product, size) => product * size, 1);
}
