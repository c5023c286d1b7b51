/**
 * Ways to arrange the forwards of a sequence, none of which may change a bit of its logits.
 *
 * @module
 */
import { shuffled } from "./batches.ts";
import { seededRandom } from "./block_formats.ts";
import type { ModelRunner, RunRows } from "./models.ts";

/** How a sequence's forwards are arranged; in one forward if nothing is said. */
export interface Arrangement {
  readonly name: string;
  readonly threads?: number;
  /** Rows of the first forward; `chunk` if absent. */
  readonly firstChunk?: number;
  /** Rows of every other forward, but for the last. */
  readonly chunk?: number;
  readonly pageSize?: number;
  /** Other sequences in every forward. */
  readonly numOthers?: number;
  /** Whether a graph is launched, perhaps one that was prepared for so many rows. */
  readonly graph?: "recorded" | { readonly preparedRows: number };
  readonly pageSeed?: number;
}

function tokensOf(sequence: number, length: number): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length }, (_, i) => (i * 53 + sequence * 97 + 5) % 300);
}

/** Logits of the first sequence of so many tokens, position by position. */
export function logitsOf(
  runner: ModelRunner,
  arrangement: Omit<Arrangement, "name">,
  length: number,
): Float32Array<ArrayBuffer>[] {
  const { chunk = length, firstChunk = chunk, pageSize = 16, numOthers = 0, pageSeed = 1 } = arrangement;
  const pagesEach = Math.ceil(length / pageSize);
  const order = shuffled(pagesEach * (numOthers + 1), seededRandom(pageSeed));
  const logits: Float32Array<ArrayBuffer>[] = [];
  for (let start = 0, end; start < length; start = end) {
    end = start + (start === 0 ? firstChunk : chunk);
    const segments = Array.from({ length: numOthers + 1 }, (_, sequence): RunRows => ({
      tokens: tokensOf(sequence, length).slice(start, end),
      start,
      pages: order.slice(sequence * pagesEach, (sequence + 1) * pagesEach),
    }));
    // The sequence in question sits between the others.
    const at = Math.floor(numOthers / 2), [own, ...others] = segments;
    const rows = runner.forward([...others.slice(0, at), own!, ...others.slice(at)]);
    const numRows = own!.tokens.length;
    logits.push(...rows.slice(at * numRows, (at + 1) * numRows));
  }
  return logits;
}
