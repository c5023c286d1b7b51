/**
 * A step in the making: cuts the rows of one forward out of sequences, within its limits.
 *
 * @module
 */
import type { Release, Segment, SequenceStart } from "../messages/scheduler_verifier.ts";
import type { Drafts } from "./drafting.ts";
import { isPrefilling, type Sequence } from "./sequence.ts";
import type { SchedulingState, Step } from "./state.ts";
import {
  addWork,
  hasTimeForRows,
  noWork,
  promptBudgetMs,
  promptMs,
  rowsInTime,
  type StepTimes,
  workOf,
} from "./step_time.ts";

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
  readonly #times: StepTimes;
  readonly #maxPrefillTokens: number;
  readonly #maxStepMs: number | undefined;
  #decodeWork = noWork;
  #promptWork = noWork;

  /** `drafts` fit: `planDraft` made sure. */
  constructor({ numSteps, config, stepTimes }: SchedulingState, drafts: Drafts) {
    this.#step = numSteps + 1;
    this.#drafts = drafts;
    this.#times = stepTimes;
    this.#maxPrefillTokens = config.maxPrefillTokens;
    this.#maxStepMs = config.maxStepMs;
    this.#rowsLeft = config.maxRows;
    this.#prefillRowsLeft = config.chunkedPrefillSize;
    this.#outputsLeft = config.maxOutputs;
  }

  /** True if a newcomer could get a row and an output; then whoever was added before got all it wants. */
  get hasSpace(): boolean {
    return this.#rowsLeft > 0 && this.#promptRowsLeft > 0 && this.#outputsLeft > 0 &&
      (this.#numPrefilling === 0 || hasTimeForRows(this.#times, this.#promptMsLeft));
  }

  /** Adds a sequence just admitted. */
  start(sequence: Sequence): void {
    const { requestId, sampling, tokens, numPromptTokens, numComputed } = sequence;
    this.#starts.push({ requestId, sampling, tokens: new Int32Array(tokens), numPromptTokens });
    this.#numCachedTokens += numComputed;
    this.add(sequence);
  }

  /** Adds as many of a sequence's rows as fit; those that decode come before those with prompts. */
  add(sequence: Sequence): void {
    const numRows = this.#numRowsFor(sequence);
    if (numRows === 0) return;
    const tree = this.#drafts.get(sequence)?.tree, numNodes = tree?.tokens.length ?? 0;
    this.#rowsLeft -= numRows + numNodes;
    this.#outputsLeft -= numOutputs(sequence, numRows) + numNodes;
    const work = workOf(sequence.numComputed, numRows, numNodes);
    if (isPrefilling(sequence)) {
      this.#prefillRowsLeft -= numRows;
      this.#numPrefillRows += numRows;
      this.#numPrefilling++;
      this.#promptWork = addWork(this.#promptWork, work);
      // Of several prompts only the last is cut, whatever cut it.
      if (!reachesEnd(sequence, numRows)) this.#prefillRowsLeft = 0;
    } else {
      this.#decodeWork = addWork(this.#decodeWork, work);
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
      work: { decode: this.#decodeWork, prompt: this.#promptWork },
      numDecoding: this.#segments.length - this.#numPrefilling,
      numPrefilling: this.#numPrefilling,
      numPrefillRows: this.#numPrefillRows,
      numCachedTokens: this.#numCachedTokens,
    };
  }

  /** Nobody is kept waiting for tokens by a step without decoding sequences. */
  get #isTimed(): boolean {
    return this.#maxStepMs !== undefined && this.#decodeWork.numRows > 0;
  }

  /** Rows that the next prompt may have at most. */
  get #promptRowsLeft(): number {
    const shared = this.#numPrefilling === 0 ? Infinity : this.#maxPrefillTokens - this.#numPrefillRows;
    return Math.min(this.#prefillRowsLeft, shared);
  }

  get #promptMsLeft(): number {
    if (this.#maxStepMs === undefined || !this.#isTimed) return Infinity;
    return promptBudgetMs(this.#times, this.#decodeWork, this.#maxStepMs) -
      promptMs(this.#times, this.#promptWork);
  }

  #numRowsFor(sequence: Sequence): number {
    const numWanted = sequence.tokens.length - sequence.numComputed;
    let numRows = Math.min(numWanted, this.#rowsLeft, this.#promptRowsLeft);
    if (isPrefilling(sequence) && this.#isTimed) {
      const start = sequence.numComputed, budgetMs = this.#promptMsLeft;
      numRows = Math.min(numRows, rowsInTime(this.#times, { start, numWanted, budgetMs }));
    }
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
