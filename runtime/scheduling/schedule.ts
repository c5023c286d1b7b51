/**
 * What the next forward computes. Decodes first, so that nobody stalls; then the chunk of who is in the middle of a
 * prompt; then newcomers, first come, first served. All share one forward.
 *
 * @module
 */
import type { Segment, SequenceStart } from "../messages.ts";
import { growPages, pagesFor, releasePages, takePrefix } from "./pages.ts";
import { nextPromptLogprob, numOutput, numRemaining, type Sequence } from "./sequence.ts";
import type { State, Step } from "./state.ts";

/** A step in the making, with what is left of its budget. */
interface Draft {
  readonly segments: Segment[];
  readonly sequences: Sequence[];
  readonly starts: SequenceStart[];
  readonly released: string[];
  numRows: number;
  numPrefillRows: number;
  numOutputs: number;
  numNew: number;
  numCached: number;
}

/** The next step, now in flight, and requests that lost their pages for it; undefined if there is nothing to do. */
export function schedule(state: State): { step: Step | undefined; released: readonly string[] } {
  if (state.inFlight) return { step: undefined, released: [] };
  const draft: Draft = {
    segments: [],
    sequences: [],
    starts: [],
    released: [],
    numRows: 0,
    numPrefillRows: 0,
    numOutputs: 0,
    numNew: 0,
    numCached: 0,
  };
  for (const sequence of byClaim(state.running)) {
    if (numRemaining(sequence) === 1) addRows(state, draft, sequence);
  }
  for (const sequence of [...state.running]) if (numRemaining(sequence) > 1) addRows(state, draft, sequence);
  admit(state, draft);
  if (draft.segments.length === 0) return { step: undefined, released: draft.released };
  const { segments, starts, sequences, numNew, numPrefillRows, numCached } = draft;
  const forward = { type: "forward", step: state.numSteps++, starts, segments } as const;
  state.inFlight = { forward, sequences, numNew, numPrefillRows, numCached };
  return { step: state.inFlight, released: draft.released };
}

/** Who keeps its pages longest: most output first, then shortest prompt (SGLang's retraction order). */
function byClaim(running: readonly Sequence[]): Sequence[] {
  return [...running].sort((a, b) => numOutput(b) - numOutput(a) || a.numPrompt - b.numPrompt);
}

/** Adds the next rows of a running sequence, as many as budget and pages allow. */
function addRows(state: State, draft: Draft, sequence: Sequence): void {
  if (!state.running.includes(sequence)) return; // preempted by one before it
  const numRows = rowsWithinBudget(state, draft, sequence);
  if (numRows === 0 || !makeRoom(state, draft, sequence, sequence.numComputed + numRows)) return;
  if (!sequence.started) {
    const tokens = Int32Array.from(sequence.tokens);
    const { requestId, sampling, numPrompt } = sequence;
    draft.starts.push({ requestId, sampling, tokens, numPromptTokens: numPrompt });
    sequence.started = true;
  }
  const segment = segmentOf(sequence, numRows);
  draft.segments.push(segment);
  draft.sequences.push(sequence);
  draft.numRows += numRows;
  draft.numOutputs += (segment.sample ? 1 : 0) + (segment.promptLogprobs?.numRows ?? 0);
  if (numOutput(sequence) === 0 || numRows > 1) draft.numPrefillRows += numRows;
}

/** Rows from the first uncomputed one on that still fit this forward. */
function rowsWithinBudget({ config }: State, draft: Draft, sequence: Sequence): number {
  const numOutputsLeft = config.maxOutputs - draft.numOutputs;
  const numRemainingRows = numRemaining(sequence);
  let numRows = Math.min(numRemainingRows, config.maxRows - draft.numRows);
  if (numRemainingRows > 1) numRows = Math.min(numRows, config.chunkedPrefillSize - draft.numPrefillRows);
  if (numOutputsLeft <= 0) return 0;
  // The row before a wanted prompt token yields its logprob; one output stays for the sampled row.
  const firstOutput = nextPromptLogprob(sequence) - 1 - sequence.numComputed;
  return Math.max(0, Math.min(numRows, firstOutput + numOutputsLeft - 1));
}

/** Pages for the first `numTokens` tokens, preempting others if need be; false if the sequence had to go itself. */
function makeRoom(state: State, draft: Draft, sequence: Sequence, numTokens: number): boolean {
  while (!growPages(state, sequence, numTokens)) {
    const victim = byClaim(state.running).findLast((other) => !draft.sequences.includes(other))!;
    preempt(state, draft, victim);
    if (victim === sequence) return false;
  }
  return true;
}

/** Takes a sequence's pages; it goes back to the front of the queue and is computed again later, to the same tokens. */
function preempt(state: State, draft: Draft, sequence: Sequence): void {
  releasePages(state, sequence);
  state.running.splice(state.running.indexOf(sequence), 1);
  state.waiting.unshift(sequence);
  if (sequence.started) draft.released.push(sequence.requestId);
  sequence.started = false;
  sequence.numPreemptions++;
  state.numPreemptions++;
}

/** Lets waiting sequences in while there is room for their whole prompt beside what runs. */
function admit(state: State, draft: Draft): void {
  const { config, waiting, running, allocator, cache } = state;
  if (draft.released.length > 0) return; // pages are short
  while (waiting.length > 0 && running.length < config.maxRunningRequests) {
    if (draft.numPrefillRows >= config.chunkedPrefillSize || draft.numOutputs >= config.maxOutputs) return;
    const sequence = waiting[0]!;
    takePrefix(state, sequence);
    // One page more for each that runs keeps preemption rare.
    const numNeeded = pagesFor(state, sequence.tokens.length) - sequence.pages.length + running.length;
    if (running.length > 0 && numNeeded > allocator.numFree + cache.numEvictable) {
      releasePages(state, sequence);
      return;
    }
    waiting.shift();
    running.push(sequence);
    if (sequence.numCached === undefined) {
      sequence.numCached = Math.min(sequence.numComputed, sequence.numPrompt);
      draft.numCached += sequence.numCached;
      draft.numNew++;
    }
    addRows(state, draft, sequence);
  }
}

/** The next `numRows` rows of a sequence. */
function segmentOf(sequence: Sequence, numRows: number): Segment {
  const { requestId, tokens, numComputed: start, pages, numPrompt, maxTokens } = sequence;
  const end = start + numRows;
  const segment = {
    requestId,
    tokens: Int32Array.from(tokens.slice(start, end)),
    start,
    pages: Int32Array.from(pages),
    sample: end === tokens.length && numOutput(sequence) < maxTokens,
  };
  const firstWanted = nextPromptLogprob(sequence), lastKnown = Math.min(end, numPrompt - 1);
  if (firstWanted > lastKnown) return segment;
  const nextTokens = Int32Array.from(tokens.slice(firstWanted, lastKnown + 1));
  return { ...segment, promptLogprobs: { numRows: nextTokens.length, nextTokens } };
}
