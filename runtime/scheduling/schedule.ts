/**
 * Decides what the next forward computes.
 *
 * @module
 */
import { admitNext } from "./admission.ts";
import { Batch } from "./batch.ts";
import { growPages } from "./pages.ts";
import { makeRoom } from "./preemption.ts";
import { isPrefilling, type Sequence } from "./sequence.ts";
import type { SchedulingState, Step } from "./state.ts";

/**
 * Plans the next step: decode rows of all running sequences, then the chunks of those still prefilling, then new ones
 * in the order they came, all in one forward. Undefined while a step is in flight or if there is nothing to do.
 */
export function schedule(state: SchedulingState): Step | undefined {
  if (state.inFlight !== undefined) return undefined;
  const batch = new Batch(state.numSteps + 1, state.config);
  const releases = makeRoom(state);
  for (const sequence of state.running) growPages(state, sequence);

  const served = state.running.toSorted(byTurn).map((sequence) => batch.add(sequence));
  // Newcomers take neither the rows of those left out nor the pages of those just preempted.
  const mayAdmit = served.every(Boolean) && releases.length === 0;
  while (mayAdmit && batch.hasSpace) {
    const sequence = admitNext(state);
    if (sequence === undefined) break;
    batch.start(sequence);
  }

  const step = batch.build(releases);
  if (step === undefined) return undefined;
  state.numSteps++;
  state.inFlight = step;
  return step;
}

/** Decodes before chunks, so that nobody stalls; those left out of the last step first. */
function byTurn(a: Sequence, b: Sequence): number {
  return Number(isPrefilling(a)) - Number(isPrefilling(b)) || a.lastStep - b.lastStep;
}
