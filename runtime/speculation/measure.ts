/**
 * Cost curves of forwards and of drafting on this machine, measured by trials at start.
 *
 * @module
 */
import type { Clock } from "../actor/clock.ts";
import type { VerifierConfig } from "../contracts/config.ts";
import {
  type ContextCosts,
  type CostCurve,
  type DraftCosts,
  NUM_TRIAL_TOKENS,
  type SpeculationConfig,
} from "../contracts/speculation_config.ts";
import type { DraftRequest, Proposer, ProposerLimits } from "./proposer.ts";

/** Numbers of sequences that drafting is measured for. */
const NUM_SEQUENCES = [1, 2, 4, 8];
/** Tokens of the prompt whose draft extend is measured. */
const NUM_PROMPT_TOKENS = 128;
/** Trials of each size, and of sizes up to {@linkcode SMALL}, on whose small differences most depends. */
const NUM_TRIALS = 3, NUM_SMALL_TRIALS = 8, SMALL = 8;

/** `once`: on the simulator, which takes thousands of times longer and whose times say nothing of a GPU's. */
export type TrialEffort = "usual" | "once";

/** How much effort trials on a device are worth. */
export function effortOn(device: VerifierConfig["device"]): TrialEffort {
  return device === "cuda-sim" ? "once" : "usual";
}

/**
 * Minimum time of each of several trials, milliseconds: other processes only ever make a trial longer.
 *
 * @param numTrials how often each is made, once more before that is not counted
 */
function fastest(
  numTrials: readonly number[],
  trialMs: (trial: number) => number,
  effort: TrialEffort,
): number[] {
  if (effort === "once") return numTrials.map((_, trial) => trialMs(trial));
  const ms = numTrials.map(() => Infinity);
  numTrials.forEach((_, trial) => trialMs(trial)); // the first is slower: code, pages
  // All trials take turns, so that a moment of load by other processes does not hit one of them alone.
  for (let round = 0; round < Math.max(...numTrials); round++) {
    numTrials.forEach((count, trial) => {
      if (round < count) ms[trial] = Math.min(ms[trial]!, trialMs(trial));
    });
  }
  return ms;
}

/**
 * Cost curve: minimum times in milliseconds by size, made non-decreasing.
 *
 * @param sizes rising
 */
export function measureCurve(
  sizes: readonly number[],
  trialMs: (size: number) => number,
  effort: TrialEffort = "usual",
): CostCurve {
  const numTrials = sizes.map((size) => size <= SMALL ? NUM_SMALL_TRIALS : NUM_TRIALS);
  const ms = fastest(numTrials, (trial) => trialMs(sizes[trial]!), effort);
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
  effort: TrialEffort = "usual",
): ContextCosts {
  const trials: [number, number][] = [[1, 0], [1, contextTokens], [numRows, 0], [numRows, contextTokens]];
  const ms = fastest(trials.map(() => NUM_SMALL_TRIALS), (trial) => trialMs(...trials[trial]!), effort);
  const one = Math.max(0, ms[1]! - ms[0]!), all = Math.max(one, ms[3]! - ms[2]!);
  const perRow = numRows > 1 ? (all - one) / (numRows - 1) : 0;
  return { perSequence: Math.max(0, one - perRow) / contextTokens, perRow: perRow / contextTokens };
}

/** Bytes written to flush the caches: more than most hold. */
const CACHE_BYTES = 48 << 20, CACHE_LINE_BYTES = 64;

/** Flushes the caches, as a forward of the target does: the drafter's weights are gone from them. */
function fillCaches(memory: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < memory.length; i += CACHE_LINE_BYTES) sum += memory[i]!;
  return sum;
}

/**
 * Measures draft costs: times of `propose` for trees of one level and of all levels, and after a prompt. Called before
 * any sequence owns pages, since the trials write to them.
 */
export function measureDrafts(
  proposer: Proposer,
  { numSteps, topk, numDraftTokens }: SpeculationConfig,
  { maxSequences, numPages, pageSize, contextLength }: ProposerLimits,
  clock: Clock,
  effort: TrialEffort = "usual",
): DraftCosts {
  const numSlots = Math.max(numSteps, numDraftTokens);
  const numPagesEach = Math.ceil((NUM_TRIAL_TOKENS + numSlots) / pageSize);
  const memory = new Uint8Array(CACHE_BYTES).fill(1); // pages that were never written are all the same one
  const most = effort === "once" ? Math.min(2, maxSequences) : maxSequences;
  const sizes = NUM_SEQUENCES.filter((count) => count <= most && count * numPagesEach <= numPages);
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
      ), effort);
  if (sizes.length === 0) sizes.push(1);
  const first = curve(1), all = numSteps === 1 ? first : curve(numSteps);
  const room = Math.min(contextLength, numPages * pageSize) - numSlots;
  const numTokens = Math.max(NUM_TRIAL_TOKENS, Math.min(NUM_PROMPT_TOKENS, room));
  let token = 0; // another prompt each time: one that it has read costs a proposer nothing
  const [promptMs] = fastest([NUM_TRIALS], () => trialMs([requestOf(numTokens, 1, 0, token++)]), effort);
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
