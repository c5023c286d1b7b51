/**
 * Preemption by recomputation: when the pool is full a sequence gives its pages up and is computed again later, exactly as
 * before, since draws depend on logits, seed and position only.
 *
 * @module
 */
import type { Release } from "../messages/scheduler_verifier.ts";
import { restoreReserve } from "../admission/reserve.ts";
import { numAvailablePages, numMissingPages, releasePages } from "../sequences/pages.ts";
import { numOutputTokens, type Sequence } from "../sequences/sequence.ts";
import type { SchedulingState } from "./state.ts";

/**
 * Preempts sequences until the running ones can have the pages they lack. A single one always can: `submit`
 * bounds its length.
 */
export function makeRoom(state: SchedulingState): Release[] {
  const releases: Release[] = [];
  const numMissing = () => state.running.reduce((sum, running) => sum + numMissingPages(state, running), 0);
  while (numMissing() > numAvailablePages(state)) {
    const victim = state.running.reduce((victim, other) => losesLess(victim, other) ? victim : other);
    preempt(state, victim);
    releases.push({ type: "release", requestId: victim.requestId });
  }
  return releases;
}

/** SGLang's order of retraction: least output first, then longest prompt; then youngest, `b` being the younger. */
function losesLess(a: Sequence, b: Sequence): boolean {
  const lost = numOutputTokens(a) - numOutputTokens(b);
  return lost < 0 || (lost === 0 && a.numPromptTokens > b.numPromptTokens);
}

/** Takes a running sequence's pages and puts it in front of the queue; the models must be sent a release. */
export function preempt(state: SchedulingState, sequence: Sequence): void {
  releasePages(state, sequence);
  state.running.splice(state.running.indexOf(sequence), 1);
  state.waiting.addPreempted(sequence);
  sequence.numPreemptions++;
  state.numPreemptions++;
  restoreReserve(state.reserve);
}
