/**
 * What forwards and drafting cost on this machine, found out by trial at start.
 *
 * @module
 */
import type { Clock } from "../actor/clock.ts";
import {
  type ContextCosts,
  type CostCurve,
  type DraftCosts,
  NUM_TRIAL_TOKENS,
  type SpeculationConfig,
} from "../contracts/speculation_config.ts";
import type { DraftRequest, Proposer, ProposerLimits } from "./proposer.ts";

/** Batches that are tried. */
const NUM_SEQUENCES = [1, 2, 4, 8];
/** Tokens of the prompt that is tried. */
const NUM_PROMPT_TOKENS = 128;
/** Trials of each size, and of sizes up to {@linkcode SMALL}, on whose small differences most depends. */
const NUM_TRIALS = 3, NUM_SMALL_TRIALS = 8, SMALL = 8;

/**
 * The fastest time of each of several trials, since others on the machine only ever make one longer.
 *
 * @param numTrials how often each is made, once more before that is not counted
 */
function fastest(numTrials: readonly number[], trialMs: (trial: number) => number): number[] {
  const ms = numTrials.map(() => Infinity);
  numTrials.forEach((_, trial) => trialMs(trial)); // the first is slower: code, pages
  // Round by round, so that a moment in which others want the machine does not hit one trial alone.
  for (let round = 0; round < Math.max(...numTrials); round++) {
    numTrials.forEach((count, trial) => {
      if (round < count) ms[trial] = Math.min(ms[trial]!, trialMs(trial));
    });
  }
  return ms;
}

/**
 * Fastest times by size; a smaller size costs no more than a larger one.
 *
 * @param sizes rising
 */
export function measureCurve(sizes: readonly number[], trialMs: (size: number) => number): CostCurve {
  const numTrials = sizes.map((size) => size <= SMALL ? NUM_SMALL_TRIALS : NUM_TRIALS);
  const ms = fastest(numTrials, (trial) => trialMs(sizes[trial]!));
  for (let i = ms.length - 2; i >= 0; i--) ms[i] = Math.min(ms[i]!, ms[i + 1]!);
  return { sizes, ms };
}

/**
 * What a context adds to a forward, by trials of one row and of `numRows`, each at a sequence's beginning and behind
 * `contextTokens` tokens.
 */
export function measureContext(
  numRows: number,
  contextTokens: number,
  trialMs: (numRows: number, start: number) => number,
): ContextCosts {
  const trials: [number, number][] = [[1, 0], [1, contextTokens], [numRows, 0], [numRows, contextTokens]];
  const ms = fastest(trials.map(() => NUM_SMALL_TRIALS), (trial) => trialMs(...trials[trial]!));
  const one = Math.max(0, ms[1]! - ms[0]!), all = Math.max(one, ms[3]! - ms[2]!);
  const perRow = numRows > 1 ? (all - one) / (numRows - 1) : 0;
  return { perSequence: Math.max(0, one - perRow) / contextTokens, perRow: perRow / contextTokens };
}

/** More than most caches hold. */
const CACHE_BYTES = 48 << 20, CACHE_LINE_BYTES = 64;

/** Leaves the caches as a forward of the target does: without the drafter's weights. */
function fillCaches(memory: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < memory.length; i += CACHE_LINE_BYTES) sum += memory[i]!;
  return sum;
}

/** Times of `propose` for trees of one level and of all levels, and behind a prompt. It writes to pages that nobody owns yet. */
export function measureDrafts(
  proposer: Proposer,
  { numSteps, topk, numDraftTokens }: SpeculationConfig,
  { maxSequences, numPages, pageSize, contextLength }: ProposerLimits,
  clock: Clock,
): DraftCosts {
  const numSlots = Math.max(numSteps, numDraftTokens);
  const numPagesEach = Math.ceil((NUM_TRIAL_TOKENS + numSlots) / pageSize);
  const memory = new Uint8Array(CACHE_BYTES).fill(1); // pages that were never written are all the same one
  const sizes = NUM_SEQUENCES.filter((count) => count <= maxSequences && count * numPagesEach <= numPages);
  const requestOf = (numTokens: number, levels: number, firstPage: number, token = 0): DraftRequest => ({
    requestId: `trial ${firstPage}`,
    start: 0,
    tokens: new Int32Array(numTokens).fill(token),
    pages: Int32Array.from(
      { length: Math.ceil((numTokens + numSlots) / pageSize) },
      (_, page) => firstPage + page,
    ),
    numSteps: levels,
    topk,
    numNodes: numDraftTokens - 1,
  });
  const trialMs = (requests: readonly DraftRequest[]) => {
    fillCaches(memory);
    const begun = clock.now();
    proposer.propose(requests);
    const ms = clock.now() - begun;
    for (const { requestId } of requests) proposer.release(requestId);
    return ms;
  };
  const curve = (levels: number) =>
    measureCurve(sizes, (numSequences) =>
      trialMs(
        Array.from({ length: numSequences }, (_, i) => requestOf(NUM_TRIAL_TOKENS, levels, i * numPagesEach)),
      ));
  if (sizes.length === 0) sizes.push(1);
  const first = curve(1), all = numSteps === 1 ? first : curve(numSteps);
  const room = Math.min(contextLength, numPages * pageSize) - numSlots;
  const numTokens = Math.max(NUM_TRIAL_TOKENS, Math.min(NUM_PROMPT_TOKENS, room));
  let token = 0; // another prompt each time: one that it has read costs a proposer nothing
  const [promptMs] = fastest([NUM_TRIALS], () => trialMs([requestOf(numTokens, 1, 0, token++)]));
  memory.buffer.transfer(0); // gives it back now
  return {
    firstMs: first,
    levelMs: {
      sizes,
      ms: all.ms.map((ms, i) => Math.max(0, ms - first.ms[i]!) / Math.max(1, numSteps - 1)),
    },
    tokenMs: numTokens > NUM_TRIAL_TOKENS
      ? Math.max(0, promptMs! - first.ms[0]!) / (numTokens - NUM_TRIAL_TOKENS)
      : 0,
  };
}
