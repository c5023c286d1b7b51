/**
 * A native context and the objects that live in it. Everything here is synchronous; objects are handles, released
 * explicitly or with the context.
 *
 * @module
 */
import type { BatchId, ContextId, FileId, GraphId, KvId, TensorId, TicketId, WeightId } from "./handles.ts";
import { check, type Native, openLibrary, readText } from "./library.ts";

/** Devices of aerie.h. */
export const Device = { cpu: 0, cuda: 1, "cuda-sim": 2 } as const;
/** Storage formats of aerie.h. */
export const Format = {
  F32: 0,
  F16: 1,
  BF16: 2,
  Q4_0: 3,
  Q4_1: 4,
  Q5_0: 5,
  Q5_1: 6,
  Q8_0: 7,
  Q4_K: 8,
  Q5_K: 9,
  Q6_K: 10,
} as const;
/** Element types of floating weights and KV pools; `int8` is for weights. */
export const Dtype = { float32: 0, float16: 1, bfloat16: 2, int8: 3 } as const;
/** Element types of tensors. */
export type TensorDtype = "float32" | "float16" | "bfloat16";
/** Whether a tensor has a row per batch row or per batch output. */
export const Scope = { rows: 0, outputs: 1 } as const;

/** A range of a mapped file. */
export interface FileRange {
  readonly file: FileId;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly format: keyof typeof Format;
  /** Bytes from a row to the next, if they do not lie close together: columns of a wider matrix. */
  readonly rowBytes?: number;
}

/** The rows of one forward; see `aerie_batch_write`. Lengths: rows, segments + 1, segments * pagesPerSegment, outputs. */
export interface BatchRows {
  readonly tokens: Int32Array<ArrayBuffer>;
  readonly positions: Int32Array<ArrayBuffer>;
  readonly slots: Int32Array<ArrayBuffer>;
  readonly visible: Int32Array<ArrayBuffer>;
  readonly treeMasks: BigUint64Array<ArrayBuffer>;
  readonly segmentStarts: Int32Array<ArrayBuffer>;
  readonly pageTable: Int32Array<ArrayBuffer>;
  readonly outputs: Int32Array<ArrayBuffer>;
  /** Per row, the row of another tensor that `gatherRows` takes. */
  readonly sources?: Int32Array<ArrayBuffer>;
  readonly numRows: number;
  readonly numSegments: number;
  readonly pagesPerSegment: number;
  readonly numOutputs: number;
}

/** A device with its threads. Errors are {@linkcode NativeError}s with the library's text. */
export class Context implements Disposable {
  readonly native: Native;
  readonly id: ContextId;
  readonly #out = new Uint32Array(1);

  readonly #isOwner: boolean;

  constructor(libraryPath: string, options: { device: keyof typeof Device; threads: number } | ContextId) {
    this.native = openLibrary(libraryPath);
    this.#isOwner = typeof options === "object";
    if (typeof options === "object") {
      const { device, threads } = options;
      check(this.native, 0, this.native.aerie_context_create(this.#out, Device[device], 0, threads));
      this.id = this.#out[0] as ContextId;
    } else {
      this.id = options;
      this.describe();
    }
  }

  /**
   * A context made elsewhere in this process, in another Worker perhaps. Its handles are valid here; disposing ends
   * nothing, that is its maker's.
   *
   * @throws {NativeError} if there is none of this id
   */
  static attach(libraryPath: string, id: ContextId): Context {
    return new Context(libraryPath, id);
  }

  [Symbol.dispose](): void {
    if (this.#isOwner) this.native.aerie_context_destroy(this.id);
  }

  /** Throws unless `status` is 0. */
  check(status: number): void {
    if (status !== 0) check(this.native, this.id, status);
  }

  /** Uses only the first `numThreads` threads from now on. */
  setThreads(numThreads: number): void {
    this.check(this.native.aerie_context_set_threads(this.id, numThreads));
  }

  /** E.g. `cpu avx512vnni, 2 threads`. */
  describe(): string {
    return readText((text, capacity) =>
      this.check(this.native.aerie_context_describe(this.id, text, capacity))
    );
  }

  /** Bytes of the device that can still be had, and all it has. */
  memory(): { freeBytes: number; totalBytes: number } {
    const free = new Float64Array(1), total = new Float64Array(1);
    this.check(this.native.aerie_context_memory(this.id, free, total));
    return { freeBytes: free[0]!, totalBytes: total[0]! };
  }

  /** Runs a creating call and returns the handle it wrote. */
  create<Id extends number>(call: (out: Uint32Array<ArrayBuffer>) => number): Id {
    this.check(call(this.#out));
    return this.#out[0] as Id;
  }

  /** Maps a file read-only. */
  openFile(path: string): FileId {
    const bytes = new TextEncoder().encode(path);
    return this.create((out) => this.native.aerie_file_open(this.id, out, bytes, bytes.length));
  }

  /** A file that lies in memory: a copy of `bytes`. */
  createFile(bytes: Uint8Array<ArrayBuffer>): FileId {
    return this.create((out) => this.native.aerie_file_create(this.id, out, bytes, BigInt(bytes.length)));
  }

  /** Unmaps a file once nothing needs it. */
  closeFile(file: FileId): void {
    this.check(this.native.aerie_file_close(this.id, file));
  }

  /** An empty matrix [rows, cols]. */
  createWeight(rows: number, cols: number): WeightId {
    return this.create((out) => this.native.aerie_weight_create(this.id, out, rows, cols));
  }

  /** Appends rows below those appended before; `interleavedHeadDim` 0 keeps their order. */
  appendWeight(weight: WeightId, range: FileRange, numRows: number, interleavedHeadDim: number): void {
    this.check(this.native.aerie_weight_append(
      this.id,
      weight,
      range.file,
      BigInt(range.offset),
      BigInt(range.rowBytes ?? 0),
      Format[range.format],
      numRows,
      interleavedHeadDim,
    ));
  }

  /** Lays the matrix out for the device; floating sources are kept as `dtype`. */
  packWeight(weight: WeightId, dtype: keyof typeof Dtype): void {
    this.check(this.native.aerie_weight_pack(this.id, weight, Dtype[dtype]));
  }

  /** Bytes of a packed weight. */
  weightBytes(weight: WeightId): number {
    const bytes = new Float64Array(1);
    this.check(this.native.aerie_weight_bytes(this.id, bytes, weight));
    return bytes[0]!;
  }

  /** A zeroed matrix [rows, cols], kept as `dtype`. */
  createTensor(rows: number, cols: number, _dtype: TensorDtype = "float32"): TensorId {
    return this.create((out) => this.native.aerie_tensor_create(this.id, out, rows, cols));
  }

  /** A matrix [rows, cols] from a file, as float32. */
  loadTensor(range: FileRange, rows: number, cols: number): TensorId {
    const { file, offset, format } = range;
    return this.create((out) =>
      this.native.aerie_tensor_load(this.id, out, file, BigInt(offset), Format[format], rows, cols)
    );
  }

  /** Frees a tensor once no recorded op needs it. */
  releaseTensor(tensor: TensorId): void {
    this.check(this.native.aerie_tensor_release(this.id, tensor));
  }

  /** Copies whole rows into a tensor. */
  writeTensor(tensor: TensorId, data: Float32Array<ArrayBuffer>, firstRow: number, numRows: number): void {
    this.check(this.native.aerie_tensor_write(this.id, tensor, data, firstRow, numRows));
  }

  /** Copies whole rows out of a tensor. */
  readTensor(tensor: TensorId, data: Float32Array<ArrayBuffer>, firstRow: number, numRows: number): void {
    this.check(this.native.aerie_tensor_read(this.id, data, tensor, firstRow, numRows));
  }

  /** Copies row from[i] over row to[i], one after another, at once: increasing rows close up in place. */
  copyTensorRows(tensor: TensorId, from: Int32Array<ArrayBuffer>, to: Int32Array<ArrayBuffer>): void {
    this.check(this.native.aerie_tensor_move(this.id, tensor, from, to, Math.min(from.length, to.length)));
  }

  /** Room for the rows of a forward. */
  createBatch(limits: { rows: number; segments: number; pages: number; outputs: number }): BatchId {
    const { rows, segments, pages, outputs } = limits;
    return this.create((out) => this.native.aerie_batch_create(this.id, out, rows, segments, pages, outputs));
  }

  /** A matrix with a row per row (or output) of the batch; the device may keep it in more precision than `dtype`. */
  batchTensor(
    batch: BatchId,
    scope: keyof typeof Scope,
    cols: number,
    _dtype: TensorDtype = "float32",
  ): TensorId {
    return this.create((out) => this.native.aerie_batch_tensor(this.id, out, batch, Scope[scope], cols));
  }

  /** Describes the next forward. */
  writeBatch(batch: BatchId, rows: BatchRows): void {
    this.check(this.native.aerie_batch_write(
      this.id,
      batch,
      rows.tokens,
      rows.positions,
      rows.slots,
      rows.visible,
      rows.treeMasks,
      rows.segmentStarts,
      rows.pageTable,
      rows.outputs,
      rows.numRows,
      rows.numSegments,
      rows.pagesPerSegment,
      rows.numOutputs,
    ));
    if (rows.sources) this.writeBatchSources(batch, rows.sources, rows.numRows);
  }

  /** The rows that `gatherRows` takes, one per row of the batch as last written. */
  writeBatchSources(batch: BatchId, sources: Int32Array<ArrayBuffer>, numRows: number): void {
    this.check(this.native.aerie_batch_sources(this.id, batch, sources, numRows));
  }

  /** A pool of `numPages` pages for keys and values. */
  createKv(
    shape: { layers: number; pages: number; pageSize: number; kvHeads: number; headDim: number },
    dtype: TensorDtype,
  ): KvId {
    const { layers, pages, pageSize, kvHeads, headDim } = shape;
    return this.create((out) =>
      this.native.aerie_kv_create(this.id, out, layers, pages, pageSize, kvHeads, headDim, Dtype[dtype])
    );
  }

  /** Copies keys and values of all layers from slot from[i] to slot to[i], as `copyTensorRows` does. */
  copyKvSlots(kv: KvId, from: Int32Array<ArrayBuffer>, to: Int32Array<ArrayBuffer>): void {
    this.check(this.native.aerie_kv_move(this.id, kv, from, to, Math.min(from.length, to.length)));
  }

  /** Records the ops `body` calls instead of running them. */
  record(body: () => void): GraphId {
    this.check(this.native.aerie_graph_begin(this.id));
    try {
      body();
    } catch (error) {
      this.create<GraphId>((out) => this.native.aerie_graph_end(this.id, out));
      throw error;
    }
    return this.create((out) => this.native.aerie_graph_end(this.id, out));
  }

  /** Makes a graph ready for forwards of at most so many rows, segments and outputs. */
  prepare(_graph: GraphId, _limits: { rows: number; segments: number; outputs: number }): void {}

  /** Starts a recorded graph on the batch as last written; it may still run when this returns. */
  launch(graph: GraphId): TicketId {
    this.check(this.native.aerie_graph_replay(this.id, graph));
    return 0 as TicketId;
  }

  /** Blocks until a launch is over. */
  wait(_ticket: TicketId): void {}

  /** True once a launch is over. */
  poll(_ticket: TicketId): boolean {
    return true;
  }

  /** Launches a graph and waits for it. */
  run(graph: GraphId): void {
    this.wait(this.launch(graph));
  }
}
