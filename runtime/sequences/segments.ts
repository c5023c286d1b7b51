/**
 * Segments: the next rows of a sequence in a forward, and the outputs that these need.
 *
 * @module
 */
import type { Segment } from "../messages/scheduler_verifier.ts";
import type { Sequence } from "./sequence.ts";

/** Rows of the next `numRows` whose next token is a prompt token with a wanted logprob. */
function numLogprobRows(sequence: Sequence, numRows: number): number {
  const { numComputed, numPromptTokens, nextPromptLogprob } = sequence;
  const end = Math.min(numComputed + numRows, numPromptTokens - 1);
  return Math.max(0, end - Math.max(numComputed, nextPromptLogprob - 1));
}

/** Rows of the next `numRows` that need logits. */
export function numOutputs(sequence: Sequence, numRows: number): number {
  return numLogprobRows(sequence, numRows) + (reachesEnd(sequence, numRows) ? 1 : 0);
}

/** Whether the newest token, after which one is drawn, is among the next `numRows`. */
export function reachesEnd({ tokens, numComputed }: Sequence, numRows: number): boolean {
  return numComputed + numRows === tokens.length;
}

/** The next `numRows` of a sequence. */
export function segmentOf(sequence: Sequence, numRows: number): Segment {
  const { requestId, tokens, numComputed: start, pages } = sequence;
  const end = start + numRows;
  const sample = reachesEnd(sequence, numRows);
  const numWanted = numLogprobRows(sequence, numRows);
  const segment = {
    requestId,
    tokens: new Int32Array(tokens.slice(start, end)),
    start,
    pages: new Int32Array(pages),
    sample,
  };
  if (numWanted === 0) return segment;
  const firstNext = end - (sample ? 1 : 0) - numWanted + 1;
  const nextTokens = new Int32Array(tokens.slice(firstNext, firstNext + numWanted));
  return { ...segment, promptLogprobs: { numRows: numWanted, nextTokens } };
}
