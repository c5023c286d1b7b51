/**
 * The scheduler's log lines, word for word as SGLang prints them, since scripts read them.
 *
 * @module
 */
import type { State, Step } from "./state.ts";

/** Share of the pool in use; what the cache could give up does not count. */
export function tokenUsage({ allocator, cache }: State): number {
  return (allocator.numPages - allocator.numFree - cache.numEvictable) / allocator.numPages;
}

/** A line for a step that computes prompt rows. */
export function prefillLine(state: State, step: Step): string {
  const numDecoding = state.running.length -
    step.sequences.filter((_, i) => step.forward.segments[i]!.tokens.length > 1).length;
  return `Prefill batch. #new-seq: ${step.numNew}, #new-token: ${step.numPrefillRows}, ` +
    `#cached-token: ${step.numCached}, token usage: ${tokenUsage(state).toFixed(2)}, ` +
    `#running-req: ${Math.max(0, numDecoding)}, #queue-req: ${state.waiting.length}`;
}

/** A line every so many decode steps. */
export function decodeLine(state: State, tokensPerSecond: number): string {
  const numTokens = state.running.reduce((sum, sequence) => sum + sequence.numComputed, 0);
  return `Decode batch. #running-req: ${state.running.length}, #token: ${numTokens}, ` +
    `token usage: ${tokenUsage(state).toFixed(2)}, cuda graph: True, ` +
    `gen throughput (token/s): ${tokensPerSecond.toFixed(2)}, #queue-req: ${state.waiting.length}`;
}
