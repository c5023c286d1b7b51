/**
 * Hidden states of a sequence: which rows are still wanted, and what becomes of those that came. They are taken in the
 * order of their positions, each once, however the prompt is cut into chunks and whatever is computed again.
 *
 * @module
 */
import type { HiddenStates, Pooling } from "../contracts/hidden_states.ts";

/** The hidden states that a sequence yields. */
export interface WantedStates {
  /** How they become one vector; undefined: they come with the tokens. */
  readonly pooling: Pooling | undefined;
  /** Position of the next token whose state is wanted. */
  next: number;
  /** No state is wanted from this position on. */
  readonly end: number;
  /** Rows of the prompt that came and belong to the token still to be drawn. */
  readonly pending: Float32Array[];
  /** Sum of the pooled rows; undefined before the first. */
  sum: Float64Array | undefined;
}

/** Rows of a segment, counted from its first. */
export interface StateRows {
  readonly firstRow: number;
  readonly numRows: number;
}

/** What a request with `numTokens` tokens wants; undefined if it wants none. */
export function wantedStates(
  { hiddenStates, pooling }: { readonly hiddenStates?: HiddenStates; readonly pooling?: Pooling },
  numTokens: number,
): WantedStates | undefined {
  if (hiddenStates === undefined && pooling === undefined) return undefined;
  const isFromLast = pooling === "last" || hiddenStates === "last";
  const end = pooling === undefined ? Infinity : pooling === "cls" ? 1 : numTokens;
  return { pooling, next: isFromLast ? numTokens - 1 : 0, end, pending: [], sum: undefined };
}

/** The wanted rows among `numRows` from position `start` on; undefined if there are none. */
export function wantedRows(
  { next, end }: WantedStates,
  start: number,
  numRows: number,
): StateRows | undefined {
  const first = Math.max(next, start), numWanted = Math.min(end, start + numRows) - first;
  return numWanted > 0 ? { firstRow: first - start, numRows: numWanted } : undefined;
}

/** Whether an embedding has all rows that it is pooled of. */
export function isPooled({ pooling, next, end }: WantedStates): boolean {
  return pooling !== undefined && next >= end;
}

/** Adds rows [numRows, hiddenSize] to the sum, one after another, so that the result depends on nothing but them. */
export function poolRows(states: WantedStates, rows: Float32Array, numRows: number): void {
  const width = rows.length / numRows, sum = states.sum ??= new Float64Array(width);
  for (let i = 0; i < rows.length; i++) sum[i % width]! += rows[i]!;
  states.next += numRows;
}

/** The pooled vector; undefined unless all rows are there. */
export function pooledStates(states: WantedStates): Float32Array | undefined {
  const { pooling, sum, end } = states;
  if (sum === undefined || !isPooled(states)) return undefined;
  return Float32Array.from(sum, (total) => pooling === "mean" ? total / end : total);
}

/** Keeps rows of a prompt [numRows, hiddenSize], whose first token is still to be drawn. */
export function keepRows(states: WantedStates, rows: Float32Array, numRows: number): void {
  states.pending.push(rows);
  states.next += numRows;
}

/**
 * The states that drawn tokens come with, one entry per token: the row that the token was drawn after; the first entry
 * of a generation has all wanted rows of the prompt.
 *
 * @param rows of the segment, then of the accepted drafts: [numRows, hiddenSize]
 */
export function statesByToken(
  states: WantedStates,
  rows: Float32Array,
  numRows: number,
  numTokens: number,
): Float32Array[] {
  const width = rows.length / numRows, numFirst = (numRows - numTokens + 1) * width;
  const first = concat([...states.pending.splice(0), rows.subarray(0, numFirst)]);
  states.next += numRows;
  const others = Array.from(
    { length: numTokens - 1 },
    (_, i) => rows.slice(numFirst + i * width, numFirst + (i + 1) * width),
  );
  return [first, ...others];
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
