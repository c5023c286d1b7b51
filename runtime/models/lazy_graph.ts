/**
 * Graphs that are recorded when they are first needed, and captured for the sizes of the steps that come, so that a
 * server that never needs them pays nothing.
 *
 * @module
 */
import type { LogLevel } from "../contracts/log_level.ts";
import type { Context } from "../../ffi/context.ts";
import { NativeError } from "../../ffi/error.ts";
import type { GraphId } from "../../ffi/handles.ts";
import { bucketRows, bucketSize, type GraphSize } from "./graph_capture.ts";

/** What a {@linkcode LazyGraph} is made of. */
export interface LazyGraphOptions {
  readonly context: Context;
  /** Calls the ops. */
  readonly body: () => void;
  /** The largest forward to capture; undefined: none. */
  readonly largest: GraphSize | undefined;
  /** What the log calls it. */
  readonly name: string;
  readonly log: (level: LogLevel, text: string) => void;
}

/** A graph that is recorded when it is first asked for. */
export class LazyGraph {
  readonly #options: LazyGraphOptions;
  readonly #captured = new Set<number>();
  #graph: GraphId | undefined;
  #largest: GraphSize | undefined;

  constructor(options: LazyGraphOptions) {
    this.#options = options;
    this.#largest = options.largest;
  }

  /** The graph, ready for a forward of `numRows` rows; `fits`: which is of no more than the largest size to capture. */
  for(numRows: number, fits: boolean): GraphId {
    const { context, body } = this.#options, graph = this.#graph ??= context.record(body);
    if (fits) this.#capture(graph, numRows);
    return graph;
  }

  /** Whether forwards up to the largest size are captured. */
  get isCaptured(): boolean {
    return this.#largest !== undefined;
  }

  /** Captures the smallest size that `numRows` fit; where that fails, it and later ones run as ops. */
  #capture(graph: GraphId, numRows: number): void {
    const { context, name, log } = this.#options, largest = this.#largest;
    const rows = largest && bucketRows(largest.rows).find((rows) => rows >= numRows);
    if (!largest || rows === undefined || this.#captured.has(rows)) return;
    try {
      context.prepare(graph, bucketSize(rows, largest));
      this.#captured.add(rows);
    } catch (error) {
      if (!(error instanceof NativeError && error.code === "out_of_memory")) throw error;
      this.#largest = undefined;
      log(
        "warning",
        `Cannot capture ${name} of ${rows} rows, which runs without graphs from now on: ${error.message}`,
      );
    }
  }
}
