/**
 * Capture of CUDA graphs: which sizes of forwards get one, and SGLang's log lines about it. A graph of a size runs all
 * smaller forwards, too.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import { gigabytes } from "../contracts/gigabytes.ts";
import type { LogLevel } from "../contracts/log_level.ts";
import type { Context } from "../../ffi/context.ts";
import { NativeError } from "../../ffi/error.ts";
import type { GraphId } from "../../ffi/handles.ts";

/** The largest forward that runs as a graph. */
export interface GraphSize {
  readonly rows: number;
  readonly segments: number;
  readonly outputs: number;
}

/** Row counts with a graph up to 64; beyond, they are this far apart. */
const SMALL_ROWS = [1, 2, 4, 8, 16, 24, 32, 48, 64], STEP = 32;
/** Lines that tell of the progress at most, the one at the end included. */
const NUM_LINES = 4;

/** Rows of the graphs for forwards of 1 to `maxRows` rows. */
export function bucketRows(maxRows: number): number[] {
  const rows = SMALL_ROWS.filter((count) => count < maxRows);
  for (let count = SMALL_ROWS.at(-1)! + STEP; count < maxRows; count += STEP) rows.push(count);
  return [...rows, maxRows];
}

/** The size of the graph for forwards of up to `rows` rows, one of {@linkcode bucketRows}. */
export function bucketSize(rows: number, largest: GraphSize): GraphSize {
  return { rows, segments: Math.min(rows, largest.segments), outputs: Math.min(rows, largest.outputs) };
}

/** What is captured: a recorded graph, for every size up to the largest. */
export interface Capture {
  readonly context: Context;
  readonly graph: GraphId;
  readonly largest: GraphSize;
  /** What the log calls it: `cuda graph`, `draft cuda graph`. */
  readonly name: string;
  readonly clock: { now(): number };
  readonly log: (level: LogLevel, text: string) => void;
}

/**
 * Prepares a recorded graph for every size.
 *
 * @throws {LoadError} if memory runs out, with the flags that help
 */
export function captureGraphs({ context, graph, largest, name, clock, log }: Capture): void {
  const begun = clock.now(), freeBefore = context.memory().freeBytes;
  const buckets = bucketRows(largest.rows);
  log("info", `Capture ${name} begin. rows: [${buckets.join(", ")}], avail mem=${gigabytes(freeBefore)}`);
  let numLines = 0;
  // The largest first, as SGLang does: if memory runs out, it does so at once.
  buckets.toReversed().forEach((rows, i) => {
    try {
      context.prepare(graph, bucketSize(rows, largest));
    } catch (error) {
      if (!(error instanceof NativeError)) throw error;
      throw new LoadError(
        `Cannot capture ${name} of ${rows} rows: ${error.message}; a smaller --mem-fraction-static or ` +
          "--cuda-graph-max-bs leaves more memory, --disable-cuda-graph does without graphs",
      );
    }
    const numDone = i + 1, numDue = Math.floor(numDone * NUM_LINES / buckets.length);
    if (numDue === numLines) return;
    numLines = numDue;
    log(
      "info",
      `Capturing batches (rows=${rows} avail_mem=${gigabytes(context.memory().freeBytes)}): ` +
        `${Math.floor(100 * numDone / buckets.length)}% | ${numDone}/${buckets.length}`,
    );
  });
  const { freeBytes } = context.memory();
  log(
    "info",
    `Capture ${name} end. Time elapsed: ${((clock.now() - begun) / 1000).toFixed(2)} s. ` +
      `mem usage=${gigabytes(freeBefore - freeBytes)}. avail mem=${gigabytes(freeBytes)}.`,
  );
}
