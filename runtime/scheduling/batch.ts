/**
 * A step in the making: cuts the rows of one forward out of sequences, within its limits.
 *
 * @module
 */
import type { SchedulerConfig } from "../config.ts";
import type { Release, Segment, SequenceStart } from "../messages.ts";
import type { Drafts } from "./drafting.ts";
import { isPrefilling, type Sequence } from "./sequence.ts";
import type { Step } from "./state.ts";

/** Collects the segments of a forward. */
export class Batch {
  readonly #step: number;
  readonly #drafts: Drafts;
  readonly #starts: SequenceStart[] = [];
  readonly #segments: Segment[] = [];
  readonly #sequences: Sequence[] = [];
  #rowsLeft: number;
  #prefillRowsLeft: number;
  #outputsLeft: number;
  #numPrefilling = 0;
  #numPrefillRows = 0;
  #numCachedTokens = 0;

  /** `drafts` fit: `planDraft` made sure. */
  constructor(step: number, config: SchedulerConfig, drafts: Drafts) {
    this.#step = step;
    this.#drafts = drafts;
    this.#rowsLeft = config.maxRows;
    this.#prefillRowsLeft = config.chunkedPrefillSize;
    this.#outputsLeft = config.maxOutputs;
  }

  /** True if a newcomer could get a row and an output; then whoever was added before got all it wants. */
  get hasSpace(): boolean {
    return this.#rowsLeft > 0 && this.#prefillRowsLeft > 0 && this.#outputsLeft > 0;
  }

  /** Adds a sequence just admitted. */
  start(sequence: Sequence): void {
    const { requestId, sampling, tokens, numPromptTokens, numComputed } = sequence;
    this.#starts.push({ requestId, sampling, tokens: new Int32Array(tokens), numPromptTokens });
    this.#numCachedTokens += numComputed;
    this.add(sequence);
  }

  /** Adds as many of a sequence's rows as fit. */
  add(sequence: Sequence): void {
    const numRows = this.#numRowsFor(sequence);
    if (numRows === 0) return;
    const tree = this.#drafts.get(sequence)?.tree, numNodes = tree?.tokens.length ?? 0;
    this.#rowsLeft -= numRows + numNodes;
    this.#outputsLeft -= numOutputs(sequence, numRows) + numNodes;
    if (isPrefilling(sequence)) {
      this.#prefillRowsLeft -= numRows;
      this.#numPrefillRows += numRows;
      this.#numPrefilling++;
    }
    const segment = segmentOf(sequence, numRows);
    this.#segments.push(tree && numNodes > 0 ? { ...segment, tree } : segment);
    this.#sequences.push(sequence);
  }

  /** The step; undefined if it has no rows. */
  build(releases: readonly Release[]): Step | undefined {
    if (this.#segments.length === 0) return undefined;
    return {
      forward: { type: "forward", step: this.#step, starts: this.#starts, segments: this.#segments },
      sequences: this.#sequences,
      drafts: this.#drafts,
      releases,
      numDecoding: this.#segments.length - this.#numPrefilling,
      numPrefilling: this.#numPrefilling,
      numPrefillRows: this.#numPrefillRows,
      numCachedTokens: this.#numCachedTokens,
    };
  }

  #numRowsFor(sequence: Sequence): number {
    const numWanted = sequence.tokens.length - sequence.numComputed;
    let numRows = Math.min(numWanted, this.#rowsLeft, this.#prefillRowsLeft);
    while (numOutputs(sequence, numRows) > this.#outputsLeft) numRows--;
    return numRows;
  }
}

/** Rows of the next `numRows` whose next token is a prompt token with a wanted logprob. */
function numLogprobRows(sequence: Sequence, numRows: number): number {
  const { numComputed, numPromptTokens, nextPromptLogprob } = sequence;
  const end = Math.min(numComputed + numRows, numPromptTokens - 1);
  return Math.max(0, end - Math.max(numComputed, nextPromptLogprob - 1));
}

/** Rows of the next `numRows` that need logits. */
function numOutputs(sequence: Sequence, numRows: number): number {
  return numLogprobRows(sequence, numRows) + (reachesEnd(sequence, numRows) ? 1 : 0);
}

/** Whether the row after which nothing is known yet is among the next `numRows`. */
function reachesEnd({ tokens, numComputed }: Sequence, numRows: number): boolean {
  return numComputed + numRows === tokens.length;
}

function segmentOf(sequence: Sequence, numRows: number): Segment {
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
