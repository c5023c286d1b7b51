/**
 * Segments: the next rows of a sequence in a forward, and the outputs that these need.
 *
 * @module
 */
import type { Segment } from "../messages/scheduler_verifier.ts";
import { type StateRows, wantedRows } from "./hidden_states.ts";
import type { Sequence } from "./sequence.ts";

/** Rows of the next `numRows` whose next token is a prompt token with a wanted logprob. */
function numLogprobRows(sequence: Sequence, numRows: number): number {
  const { numComputed, numPromptTokens, nextPromptLogprob } = sequence;
  const end = Math.min(numComputed + numRows, numPromptTokens - 1);
  return Math.max(0, end - Math.max(numComputed, nextPromptLogprob - 1));
}

/** Rows of the next `numRows` whose hidden states are wanted. */
function stateRows({ states, numComputed }: Sequence, numRows: number): StateRows | undefined {
  return states && wantedRows(states, numComputed, numRows);
}

/** Rows of the next `numRows` that are outputs: they need logits, or their hidden states are wanted. */
export function numOutputs(sequence: Sequence, numRows: number): number {
  const numLogits = numLogprobRows(sequence, numRows) + (draws(sequence, numRows) ? 1 : 0);
  const states = stateRows(sequence, numRows);
  if (states === undefined) return numLogits;
  return numLogits === 0 ? states.numRows : Math.max(numLogits, numRows - states.firstRow);
}

/** Whether a token is drawn after the next `numRows`: never for an embedding. */
function draws(sequence: Sequence, numRows: number): boolean {
  return sequence.states?.pooling === undefined && reachesEnd(sequence, numRows);
}

/** Whether the newest token is among the next `numRows`. */
export function reachesEnd({ tokens, numComputed }: Sequence, numRows: number): boolean {
  return numComputed + numRows === tokens.length;
}

/** The next `numRows` of a sequence. */
export function segmentOf(sequence: Sequence, numRows: number): Segment {
  const { requestId, tokens, numComputed: start, pages } = sequence;
  const end = start + numRows;
  const sample = draws(sequence, numRows);
  const numWanted = numLogprobRows(sequence, numRows), hiddenStates = stateRows(sequence, numRows);
  const segment = {
    requestId,
    tokens: new Int32Array(tokens.slice(start, end)),
    start,
    pages: new Int32Array(pages),
    sample,
    ...(hiddenStates && { hiddenStates }),
  };
  if (numWanted === 0) return segment;
  const firstNext = end - (sample ? 1 : 0) - numWanted + 1;
  const nextTokens = new Int32Array(tokens.slice(firstNext, firstNext + numWanted));
  return { ...segment, promptLogprobs: { numRows: numWanted, nextTokens } };
}
