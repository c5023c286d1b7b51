/**
 * Runs forwards of the target model: writes their rows, launches the recorded graph of model and sampler, waits, reads
 * what was drawn. Where masks are made while the model runs, that graph is two: the layers, then LM head and sampler.
 *
 * @module
 */
import type { VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import { type Masks, type OutputRow, Sampler } from "../sampling/sampler.ts";
import { Context } from "../../ffi/context.ts";
import type { GraphId } from "../../ffi/handles.ts";
import type { BatchLimits } from "../../ffi/types.ts";
import { captureGraphs, type GraphSize } from "./graph_capture.ts";
import { LazyGraph } from "./lazy_graph.ts";
import { type LoadedModel, loadModel } from "./load.ts";
import { MemoryUse } from "./memory_use.ts";
import { RowWriter } from "./row_writer.ts";
import { type SegmentLayout, writeSegments } from "./segment_rows.ts";
import { ThreadChoice } from "./thread_choice.ts";

/** The rows of a forward, and the outputs to draw, in the order of the layouts. */
export interface TargetForward {
  readonly layouts: readonly SegmentLayout[];
  readonly outputs: readonly OutputRow[];
}

/** The part of an actor's context that a runner uses. */
export interface RunnerHost {
  /** Clock, in milliseconds. */
  readonly clock: { now(): number };
  readonly log: Parameters<typeof loadModel>[2];
}

/** KV slots whose contents are to be copied, from[i] to to[i], one after another. */
export interface SlotCopies {
  readonly from: Int32Array<ArrayBuffer>;
  readonly to: Int32Array<ArrayBuffer>;
}

/** A loaded target model with its sampler, recorded; disposing frees both. */
export class TargetRunner implements Disposable {
  /** What the last forward drew, by output. */
  readonly sampler: Sampler;
  /** KV slots that one sequence can have. */
  readonly slotsPerSequence: number;
  readonly #clock: RunnerHost["clock"];
  readonly #context: Context;
  readonly #loaded: LoadedModel;
  readonly #rows: RowWriter;
  readonly #graph: GraphId;
  readonly #hiddenSize: number;
  /** The same in two parts. */
  readonly #layersGraph: LazyGraph;
  readonly #drawGraph: LazyGraph;
  /** Rows and time of the model's part that ran, until its outputs are drawn. */
  #undrawn: { readonly numRows: number; readonly ms: number } | undefined;
  /** The largest forward with a captured graph; undefined if there is none. */
  readonly #captured: GraphSize | undefined;
  #ranGraph = false;
  /** Undefined if the number of threads is fixed. */
  readonly #threadChoice: ThreadChoice | undefined;
  #numThreads: number;

  /**
   * Loads and records the model.
   *
   * @throws {LoadError} if the checkpoint lacks something
   * @throws {NativeError} if memory runs out or the device is absent
   */
  constructor(config: VerifierConfig, { log, clock }: RunnerHost) {
    const { checkpoint, pageSize, threads } = config;
    this.#clock = clock;
    this.#hiddenSize = checkpoint.config.hiddenSize;
    using stack = new DisposableStack();
    const context = this.#context = stack.use(new Context(config.libraryPath, config));
    const use = new MemoryUse(context);
    const loaded = this.#loaded = loadModel(context, config, log), { model, kv, limits } = loaded;
    this.slotsPerSequence = Math.min(loaded.info.numPages, limits.pages) * pageSize;
    this.#rows = new RowWriter(limits, pageSize);
    this.sampler = new Sampler(context, limits.outputs, checkpoint.config.vocabSize);
    const begun = clock.now();
    this.#graph = context.record(() => {
      model.forward(kv);
      this.sampler.forward(model.logits);
    });
    const largest = this.#captured = captured(config, limits);
    const body = () => model.forwardLayers(kv);
    this.#layersGraph = new LazyGraph({ context, body, largest, name: "layers cuda graph", log });
    this.#drawGraph = new LazyGraph({
      context,
      body: () => {
        model.forwardHead();
        this.sampler.forward(model.logits);
      },
      largest,
      name: "draw cuda graph",
      log,
    });
    if (config.device === "cpu") {
      log(
        "info",
        `Capture cuda graph begin. This records the forward as an op tape on ${loaded.info.backend}`,
      );
      context.prepare(this.#graph, limits);
      log("info", `Capture cuda graph end. Time elapsed: ${((clock.now() - begun) / 1000).toFixed(2)} s.`);
    } else if (this.#captured) {
      captureGraphs({ context, graph: this.#graph, largest: this.#captured, name: "cuda graph", clock, log });
    }
    if (config.device !== "cpu") {
      const { weightBytes, kBytes, vBytes, featureBytes } = loaded.info;
      const counted = { weights: weightBytes, KV: kBytes + vBytes, "hidden states": featureBytes };
      log("info", use.line("target", counted, "activations, scratch and graphs"));
    }
    this.#threadChoice = config.mayUseFewerThreads ? new ThreadChoice(threads) : undefined;
    this.#numThreads = threads;
    stack.move();
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }

  /** Pool, sizes, handles, and the backend with the threads it uses now. */
  get info(): VerifierInfo {
    return { ...this.#loaded.info, backend: this.#context.describe() };
  }

  /** Whether the last forward ran as a captured graph. */
  get ranGraph(): boolean {
    return this.#ranGraph;
  }

  /** Runs a forward, on as many threads as suit its rows; milliseconds from its launch to its end. */
  run({ layouts, outputs }: TargetForward): number {
    const numRows = this.#write({ layouts, outputs }), choice = this.#threadChoice;
    if (choice) this.#setThreads(choice.choose(numRows));
    const forwardMs = this.#launchAndWait(this.#graph);
    choice?.observe(numRows, forwardMs);
    this.sampler.read(outputs.length);
    return forwardMs;
  }

  /**
   * Runs the model's part of a forward, up to the states of its outputs, which {@linkcode draw} goes on from. Both
   * together are {@linkcode run}, to the bit.
   *
   * @returns milliseconds from its launch to its end
   */
  runModel(layouts: readonly SegmentLayout[]): number {
    const numRows = this.#writeRows(layouts);
    if (this.#threadChoice) this.#setThreads(this.#threadChoice.choose(numRows));
    const ms = this.#launchAndWait(this.#layersGraph.for(numRows, this.#fits));
    this.#undrawn = { numRows, ms };
    return ms;
  }

  /**
   * Draws the outputs of the forward that {@linkcode runModel} ran, in the order of its layouts, under `masks`.
   *
   * @returns milliseconds from its launch to its end
   * @throws {NativeError} if an output names a mask that is not there
   */
  draw(outputs: readonly OutputRow[], masks?: Masks): number {
    if (!this.#undrawn) {
      throw new Error("Cannot draw: no forward is left to draw from, runModel comes before");
    }
    const { numRows, ms: modelMs } = this.#undrawn;
    this.#undrawn = undefined;
    this.sampler.write(outputs, masks);
    const ms = this.#launchAndWait(this.#drawGraph.for(numRows, this.#fits));
    this.#threadChoice?.observe(numRows, modelMs + ms);
    this.#ranGraph = this.#fits && this.#layersGraph.isCaptured && this.#drawGraph.isCaptured;
    this.sampler.read(outputs.length);
    return ms;
  }

  /** As {@linkcode run}, on the threads in use and without reading what was drawn. */
  runTrial(forward: TargetForward): number {
    this.#write(forward);
    return this.#launchAndWait(this.#graph);
  }

  /** Settles on the number of threads that is fastest in a trial, if it may be other than the given one. */
  calibrateThreads(trialMs: () => number): void {
    const fastest = this.#threadChoice?.calibrate((threads) => {
      this.#setThreads(threads);
      return trialMs();
    });
    if (fastest !== undefined) this.#setThreads(fastest);
  }

  /** Hidden states of the last forward's outputs, `numOutputs` from `firstOutput` on: [numOutputs, hiddenSize]. */
  readStates(firstOutput: number, numOutputs: number): Float32Array {
    const states = new Float32Array(numOutputs * this.#hiddenSize);
    this.#context.readTensor(this.#loaded.model.outputStates, states, firstOutput, numOutputs);
    return states;
  }

  /** Copies KV and hidden states, in the order of the calls, also behind a forward that still runs. */
  copySlots({ from, to }: SlotCopies): void {
    if (from.length === 0) return;
    const { kv, features } = this.#loaded;
    this.#context.copyKvSlots(kv, from, to);
    if (features) this.#context.copyTensorRows(features, from, to);
  }

  /** Returns the number of rows. */
  #write({ layouts, outputs }: TargetForward): number {
    const numRows = this.#writeRows(layouts);
    this.sampler.write(outputs);
    this.#ranGraph = this.#fits;
    return numRows;
  }

  #writeRows(layouts: readonly SegmentLayout[]): number {
    this.#undrawn = undefined;
    writeSegments(this.#rows, layouts);
    this.#context.writeBatch(this.#loaded.batch, this.#rows.arrays);
    return this.#rows.arrays.numRows;
  }

  /** Whether the forward as written is of no more than the largest captured size. */
  get #fits(): boolean {
    const { numRows, numSegments, numOutputs } = this.#rows.arrays, most = this.#captured;
    return most !== undefined && numRows <= most.rows && numSegments <= most.segments &&
      numOutputs <= most.outputs;
  }

  #launchAndWait(graph: GraphId): number {
    const begun = this.#clock.now();
    this.#context.wait(this.#context.launch(graph));
    return this.#clock.now() - begun;
  }

  #setThreads(numThreads: number): void {
    if (numThreads === this.#numThreads) return;
    this.#context.setThreads(numThreads);
    this.#numThreads = numThreads;
  }
}

/** The largest decode step that graphs are captured for: that many sequences, each with a whole tree. */
function captured(
  { graphSequences = 0, maxNodes }: VerifierConfig,
  limits: BatchLimits,
): GraphSize | undefined {
  if (graphSequences === 0) return undefined;
  const rows = Math.min(graphSequences * (maxNodes + 1), limits.rows, limits.outputs);
  return { rows, segments: Math.min(graphSequences, limits.segments), outputs: rows };
}
