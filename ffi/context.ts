/**
 * A native context and the objects that live in it. Everything here is synchronous; objects are handles, released
 * explicitly or with the context.
 *
 * @module
 */
import { Device, Dtype, Format, Scope, type TensorDtype } from "./enums.ts";
import type { BatchId, ContextId, FileId, GraphId, KvId, TensorId, TicketId, WeightId } from "./handles.ts";
import { check, type Native, openLibrary, readText } from "./library.ts";
import type { BatchLimits, BatchRows, ContextOptions, FileRange } from "./types.ts";

export { Device, Dtype, Format, Scope, type TensorDtype } from "./enums.ts";
export type { BatchLimits, BatchRows, ContextOptions, FileRange } from "./types.ts";

/** A device with its threads. Errors are {@linkcode NativeError}s with the library's text. */
export class Context implements Disposable {
  readonly native: Native;
  readonly id: ContextId;
  readonly #out = new Uint32Array(1);
  readonly #done = new Int32Array(1);
  readonly #isOwner: boolean;

  constructor(libraryPath: string, options: ContextOptions | ContextId) {
    this.native = openLibrary(libraryPath);
    this.#isOwner = typeof options === "object";
    if (typeof options === "object") {
      const { device, deviceIndex = 0, threads } = options, { native } = this;
      check(native, 0, native.aerie_context_create(this.#out, Device[device], deviceIndex, threads));
      this.id = this.#out[0] as ContextId;
    } else {
      this.id = options;
      this.describe();
    }
  }

  /**
   * Attaches to a context that was created elsewhere in this process, such as in another Worker. Its handles are valid
   * here; disposing leaves it to its creator.
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

  /** Free and total memory of the device, in bytes. */
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

  /** Creates a file in memory: a copy of `bytes`. */
  createFile(bytes: Uint8Array<ArrayBuffer>): FileId {
    return this.create((out) => this.native.aerie_file_create(this.id, out, bytes, BigInt(bytes.length)));
  }

  /** Closes a file; it is unmapped when no weight is left that reads it. */
  closeFile(file: FileId): void {
    this.check(this.native.aerie_file_close(this.id, file));
  }

  /** Creates an empty matrix [rows, cols], to be filled by {@linkcode Context.appendWeight} and then packed. */
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

  /** Packs the matrix into the device's layout; floating sources are stored as `dtype`. */
  packWeight(weight: WeightId, dtype: keyof typeof Dtype): void {
    this.check(this.native.aerie_weight_pack(this.id, weight, Dtype[dtype]));
  }

  /** Bytes of a packed weight. */
  weightBytes(weight: WeightId): number {
    const bytes = new Float64Array(1);
    this.check(this.native.aerie_weight_bytes(this.id, bytes, weight));
    return bytes[0]!;
  }

  /** Creates a zeroed matrix [rows, cols], stored as `dtype`. */
  createTensor(rows: number, cols: number, dtype: TensorDtype = "float32"): TensorId {
    return this.create((out) => this.native.aerie_tensor_create(this.id, out, rows, cols, Dtype[dtype]));
  }

  /** Loads a matrix [rows, cols] from a file, converted to float32. */
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

  /** Copies whole rows from float32 `data` [rows, cols] into a tensor. */
  writeTensor(tensor: TensorId, data: Float32Array<ArrayBuffer>, firstRow: number, numRows: number): void {
    this.check(this.native.aerie_tensor_write(this.id, tensor, data, firstRow, numRows));
  }

  /** Copies whole rows of a tensor to float32 `data` [rows, cols]; waits for the work that writes them. */
  readTensor(tensor: TensorId, data: Float32Array<ArrayBuffer>, firstRow: number, numRows: number): void {
    this.check(this.native.aerie_tensor_read(this.id, data, tensor, firstRow, numRows));
  }

  /** Copies row from[i] over row to[i], one after another: increasing rows close up in place. */
  copyTensorRows(tensor: TensorId, from: Int32Array<ArrayBuffer>, to: Int32Array<ArrayBuffer>): void {
    this.check(this.native.aerie_tensor_copy(this.id, tensor, from, to, Math.min(from.length, to.length)));
  }

  /** Creates a batch: memory for the rows of a forward, up to `limits`. */
  createBatch(limits: BatchLimits): BatchId {
    const { rows, segments, pages, outputs } = limits;
    return this.create((out) => this.native.aerie_batch_create(this.id, out, rows, segments, pages, outputs));
  }

  /**
   * Creates a matrix with a row per row or output of the batch; the device may store it in more precision than `dtype`.
   * Recorded ops on an `outputSlice` run once per 256 outputs.
   */
  batchTensor(
    batch: BatchId,
    scope: keyof typeof Scope,
    cols: number,
    dtype: TensorDtype = "float32",
  ): TensorId {
    const { native, id } = this;
    return this.create((out) => native.aerie_batch_tensor(id, out, batch, Scope[scope], cols, Dtype[dtype]));
  }

  /** Writes the rows of the next forward, see `aerie_batch_write`; allowed while the last one runs. */
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
      rows.sources ?? null,
      rows.numRows,
      rows.numSegments,
      rows.pagesPerSegment,
      rows.numOutputs,
    ));
  }

  /** Creates a KV pool of `numPages` pages. */
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
    this.check(this.native.aerie_kv_copy(this.id, kv, from, to, Math.min(from.length, to.length)));
  }

  /** Records the ops `body` calls instead of running them. */
  record(body: () => void): GraphId {
    this.check(this.native.aerie_graph_begin(this.id));
    try {
      body();
    } catch (error) {
      // What cannot be a graph either must not hide why.
      const { native, id } = this;
      if (native.aerie_graph_end(id, this.#out) === 0) native.aerie_graph_release(id, this.#out[0]!);
      throw error;
    }
    return this.create((out) => this.native.aerie_graph_end(this.id, out));
  }

  /** Prepares a graph for forwards of at most this many rows, segments and outputs. */
  prepare(
    graph: GraphId,
    { rows, segments, outputs }: { rows: number; segments: number; outputs: number },
  ): void {
    this.check(this.native.aerie_graph_prepare(this.id, graph, rows, segments, outputs));
  }

  /** Starts a recorded graph on the batch as last written; it may still run when this returns. */
  launch(graph: GraphId): TicketId {
    return this.create((out) => this.native.aerie_graph_launch(this.id, out, graph));
  }

  /** Blocks until a launch is done. */
  wait(ticket: TicketId): void {
    this.check(this.native.aerie_wait(this.id, ticket));
  }

  /** True once a launch is done. */
  poll(ticket: TicketId): boolean {
    this.check(this.native.aerie_poll(this.id, this.#done, ticket));
    return this.#done[0] === 1;
  }

  /** Launches a graph and waits for it. */
  run(graph: GraphId): void {
    this.wait(this.launch(graph));
  }
}
