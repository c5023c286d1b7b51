/**
 * What drafting costs on this machine, found out by trial at start.
 *
 * @module
 */
import type { Clock } from "../actor/clock.ts";
import type { DraftCosts, SpeculationConfig } from "../speculation_config.ts";
import type { DraftRequest, Proposer, ProposerLimits } from "./proposer.ts";

/** Batches that are tried. */
const NUM_SEQUENCES = [1, 2, 4, 8];
/** Trials of each; the fastest counts, since others on the machine only ever slow one down. */
const NUM_TRIALS = 3;
/** Tokens that a sequence brings, about as many as a verification yields. */
const NUM_TOKENS = 2;

/** Times of `propose` for trees of one level and of all levels. It writes to pages that nobody owns yet. */
export function measureDrafts(
  proposer: Proposer,
  { numSteps, topk, numDraftTokens }: SpeculationConfig,
  { maxSequences, numPages, pageSize }: ProposerLimits,
  clock: Clock,
): DraftCosts {
  const numPagesEach = Math.ceil((NUM_TOKENS + Math.max(numSteps, numDraftTokens)) / pageSize);
  const sizes = NUM_SEQUENCES.filter((count) => count <= maxSequences && count * numPagesEach <= numPages);
  const requestsOf = (numSequences: number, levels: number): DraftRequest[] =>
    Array.from({ length: numSequences }, (_, i) => ({
      requestId: `trial ${i}`,
      start: 0,
      tokens: new Int32Array(NUM_TOKENS),
      pages: Int32Array.from({ length: numPagesEach }, (_, page) => i * numPagesEach + page),
      numCachedTokens: 0,
      numSteps: levels,
      topk,
      numNodes: numDraftTokens - 1,
    }));
  const trialMs = (requests: readonly DraftRequest[]) => {
    const begun = clock.now();
    proposer.propose(requests);
    const ms = clock.now() - begun;
    for (const { requestId } of requests) proposer.release(requestId);
    return ms;
  };
  const fastest = (numSequences: number, levels: number) => {
    const requests = requestsOf(numSequences, levels);
    trialMs(requests); // warms caches
    return Math.min(...Array.from({ length: NUM_TRIALS }, () => trialMs(requests)));
  };
  if (sizes.length === 0) sizes.push(1);
  const firstMs = sizes.map((count) => fastest(count, 1));
  const allMs = numSteps === 1 ? firstMs : sizes.map((count) => fastest(count, numSteps));
  return {
    firstMs: { sizes, ms: firstMs },
    levelMs: {
      sizes,
      ms: allMs.map((ms, i) => Math.max(0, ms - firstMs[i]!) / Math.max(1, numSteps - 1)),
    },
  };
}
