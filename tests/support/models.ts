/**
 * Tiny checkpoints opened, loaded natively and read back in float64.
 *
 * @module
 */
import { SLICE_OUTPUTS } from "../../ffi/enums.ts";
import type { LogLevel } from "../../runtime/contracts/log_level.ts";
import type { Checkpoint } from "../../runtime/contracts/checkpoint.ts";
import type { VerifierConfig } from "../../runtime/contracts/config.ts";
import type { Segment } from "../../runtime/messages/scheduler_verifier.ts";
import { type LoadedModel, loadModel } from "../../runtime/models/load.ts";
import { RowWriter } from "../../runtime/models/row_writer.ts";
import { layOut, writeSegments } from "../../runtime/models/segment_rows.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../runtime/weights/resolve.ts";
import { Context } from "../../ffi/context.ts";
import type { GraphId } from "../../ffi/handles.ts";
import type { Arrangement } from "./arrangements.ts";
import { dequantizeRow } from "./block_formats.ts";
import { simulate, type Simulated } from "./cuda_sim.ts";
import { type Isa, libraryPath, withIsa } from "./native.ts";
import type { ReferenceWeights, Row } from "./reference.ts";
import { type TinyModelOptions, writeTinyModel } from "./tiny_model.ts";

/** Sizes that the kernels take; the rest is `TINY_CONFIG`. */
const NATIVE_SIZES = { numHeads: 4, numKvHeads: 2, headDim: 32 };

/** Runs `body` with a checkpoint that is deleted afterwards. */
export async function withTinyCheckpoint<Result>(
  options: TinyModelOptions,
  body: (checkpoint: Checkpoint) => Result | Promise<Result>,
): Promise<Result> {
  const folder = await Deno.makeTempDir();
  try {
    const path = await writeTinyModel(folder, { ...options, config: { ...NATIVE_SIZES, ...options.config } });
    return await body((await openCheckpoint(await resolveModel(path))).checkpoint);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A verifier's configuration for a tiny model. */
export function verifierConfig(checkpoint: Checkpoint, change: Partial<VerifierConfig> = {}): VerifierConfig {
  return {
    checkpoint,
    libraryPath,
    device: "cpu",
    threads: 2,
    mayUseFewerThreads: false,
    dtype: "auto",
    kvDtype: "float32",
    pageSize: 16,
    maxTotalTokens: 1024,
    contextLength: 512,
    maxRows: 256,
    maxOutputs: 256,
    maxRunningRequests: 16,
    maxNodes: 63,
    eosTokenIds: checkpoint.config.eosTokenIds,
    featureLayers: [],
    ...change,
  };
}

/** Loads a model into a context of its own. */
export function loadHere(
  config: VerifierConfig,
  log: (level: LogLevel, text: string) => void = () => {},
): LoadedModel {
  const context = new Context(config.libraryPath, config);
  try {
    return loadModel(context, config, log);
  } catch (error) {
    context[Symbol.dispose]();
    throw error;
  }
}

/** The checkpoint's tensors in float64, matrices through `round`; rows of q and k in Hugging Face's order. */
export function referenceWeights(
  { tensors, config }: Checkpoint,
  round: (row: Row) => Row = (row) => row,
): ReferenceWeights {
  const known = new Map<string, readonly Row[]>(), files = new Map<string, Uint8Array>();
  return (name) => {
    const found = known.get(name);
    if (found) return found;
    const { file, offset, bytes, format, shape, rowOrder } = tensors.get(name)!;
    const content = files.get(file) ?? Deno.readFileSync(file);
    files.set(file, content);
    const numRows = shape.length === 1 ? 1 : shape[0]!, half = config.headDim / 2;
    const rows = Array.from({ length: numRows }, (_, row) => {
      const inHead = row % config.headDim;
      const from = rowOrder === "plain" ? row : row - inHead + inHead % half * 2 + Math.floor(inHead / half);
      const start = offset + from * bytes / numRows;
      const values = dequantizeRow(format, content.subarray(start, start + bytes / numRows), shape.at(-1)!);
      return shape.length === 1 ? values : round(values);
    });
    known.set(name, rows);
    return rows;
  };
}

/** Rows of one sequence for {@linkcode ModelRunner}. */
export type RunRows = Pick<Segment, "tokens" | "start" | "pages" | "tree">;

/** A natively loaded model whose logits can be read. */
export class ModelRunner implements Disposable {
  readonly #loaded: LoadedModel;
  readonly #rows: RowWriter;
  readonly #vocabSize: number;
  readonly #graph: GraphId | undefined;

  /** Runs op by op, or launches a graph, as `graph` says. */
  constructor(config: VerifierConfig, kernels: Isa | Simulated, graph?: Arrangement["graph"]) {
    this.#loaded = typeof kernels === "string"
      ? withIsa(kernels, () => loadHere(config))
      : loadHere({ ...config, ...simulate(kernels) });
    const { context, model, kv, limits } = this.#loaded;
    this.#rows = new RowWriter(limits, config.pageSize);
    this.#vocabSize = config.checkpoint.config.vocabSize;
    this.#graph = graph && context.record(() => model.forward(kv));
    if (typeof graph === "object") {
      const { preparedRows: rows } = graph;
      context.prepare(this.#graph!, { rows, segments: Math.min(rows, limits.segments), outputs: rows });
    }
  }

  /** Logits of every row, segment by segment; the nodes of a tree behind the rows of its segment. */
  forward(segments: readonly RunRows[]): Float32Array<ArrayBuffer>[] {
    const { context, batch, model, kv } = this.#loaded;
    const layouts = layOut(segments.map((segment) => ({
      ...segment,
      requestId: "",
      sample: true,
      promptLogprobs: { numRows: segment.tokens.length - 1, nextTokens: segment.tokens },
    })));
    writeSegments(this.#rows, layouts);
    const rows = this.#rows.arrays;
    const all: Float32Array<ArrayBuffer>[] = [];
    // The logits of one slice can be read; to do the rows again changes nothing.
    for (let first = 0; first < rows.numOutputs; first += SLICE_OUTPUTS) {
      const outputs = rows.outputs.slice(first, Math.min(first + SLICE_OUTPUTS, rows.numOutputs));
      context.writeBatch(batch, { ...rows, outputs, numOutputs: outputs.length });
      if (this.#graph === undefined) model.forward(kv);
      else context.run(this.#graph);
      const logits = new Float32Array(outputs.length * this.#vocabSize);
      context.readTensor(model.logits, logits, 0, outputs.length);
      outputs.forEach((_, i) => all.push(logits.slice(i * this.#vocabSize, (i + 1) * this.#vocabSize)));
    }
    return all;
  }

  /** The hidden states kept at these slots, [slots, layers * hiddenSize]. */
  features(slots: readonly number[], width: number): Float32Array<ArrayBuffer> {
    const { context, features } = this.#loaded, states = new Float32Array(slots.length * width);
    slots.forEach((slot, i) => {
      const row = states.subarray(i * width, (i + 1) * width);
      context.readTensor(features!, row, slot, 1);
    });
    return states;
  }

  [Symbol.dispose](): void {
    this.#loaded.context[Symbol.dispose]();
  }
}
