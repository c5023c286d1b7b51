/**
 * Batch under construction: cuts the rows of one forward out of sequences, within its limits.
 *
 * @module
 */
import type { Release, Segment, SequenceStart } from "../messages/scheduler_verifier.ts";
import { numOutputs, reachesEnd, segmentOf } from "../sequences/segments.ts";
import { isPrefilling, type Sequence } from "../sequences/sequence.ts";
import {
  addWork,
  hasTimeForRows,
  noWork,
  promptBudgetMs,
  promptMs,
  rowsInTime,
  type StepTimes,
  workOf,
} from "../step_time/step_time.ts";
import type { MaxNodes } from "./forced_slots.ts";
import type { Drafts, SchedulingState, Step } from "./state.ts";

/** Collects the segments of a forward. */
export class Batch {
  readonly #step: number;
  readonly #drafts: Drafts;
  readonly #maxNodes: MaxNodes;
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

  /** `drafts` fit the batch, as `planDraft` ensures, and so do trees with `maxNodes`, as `reserveForced` does. */
  constructor({ numSteps, config, stepTimes }: SchedulingState, drafts: Drafts, maxNodes: MaxNodes) {
    this.#step = numSteps + 1;
    this.#drafts = drafts;
    this.#maxNodes = maxNodes;
    this.#times = stepTimes;
    this.#maxPrefillTokens = config.maxPrefillTokens;
    this.#maxStepMs = config.maxStepMs;
    this.#rowsLeft = config.maxRows;
    this.#prefillRowsLeft = config.chunkedPrefillSize;
    this.#outputsLeft = config.maxOutputs;
  }

  /** True if at least one row and one output are left, i.e. no earlier sequence was truncated. */
  get hasSpace(): boolean {
    return this.#rowsLeft > 0 && this.#promptRowsLeft > 0 && this.#outputsLeft > 0 &&
      (this.#numPrefilling === 0 || hasTimeForRows(this.#times, this.#promptMsLeft));
  }

  /** Adds a sequence just admitted. */
  start(sequence: Sequence): void {
    const { requestId, sampling, tokens, numPromptTokens, numComputed, constraint } = sequence;
    const start = { requestId, sampling, tokens: new Int32Array(tokens), numPromptTokens };
    this.#starts.push(constraint ? { ...start, isConstrained: true } : start);
    this.#numCachedTokens += numComputed;
    this.add(sequence);
  }

  /** Adds as many of a sequence's rows as fit; those that decode come before those with prompts. */
  add(sequence: Sequence): void {
    const numRows = this.#numRowsFor(sequence);
    if (numRows === 0) return;
    const tree = this.#drafts.get(sequence)?.tree, numNodes = tree?.tokens.length ?? 0;
    const maxNodes = this.#maxNodes.get(sequence) ?? 0, numSlots = Math.max(numNodes, maxNodes);
    this.#rowsLeft -= numRows + numSlots;
    this.#outputsLeft -= numOutputs(sequence, numRows) + numSlots;
    const work = workOf(sequence.numComputed, numRows, numNodes);
    if (isPrefilling(sequence)) {
      this.#prefillRowsLeft -= numRows;
      this.#numPrefillRows += numRows;
      this.#numPrefilling++;
      this.#promptWork = addWork(this.#promptWork, work);
      // After a prompt that was cut no other one is added.
      if (!reachesEnd(sequence, numRows)) this.#prefillRowsLeft = 0;
    } else {
      this.#decodeWork = addWork(this.#decodeWork, work);
    }
    this.#segments.push({
      ...segmentOf(sequence, numRows),
      ...(tree && numNodes > 0 && { tree }),
      ...(maxNodes > 0 && { maxNodes }),
    });
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

  /** Whether the step's time is bounded: without decoding sequences no client waits for its next token. */
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
