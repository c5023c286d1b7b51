/**
 * Plans the next forward. The folder's map: `drafting.ts` asks the policy for drafts before a step, `schedule` plans it
 * (`batch.ts`, within the pages that `preemption.ts` frees, with room for `forced_slots.ts`), `commit.ts` applies what it yielded; `ending.ts` and
 * `pausing.ts` act between steps, `output_buffer.ts` delays what the engine is sent, `inspect.ts` counts.
 *
 * @module
 */
import { admitNext } from "../admission/admission.ts";
import { growPages } from "../sequences/pages.ts";
import { Batch } from "./batch.ts";
import { reserveForced } from "./forced_slots.ts";
import { makeRoom } from "./preemption.ts";
import { type Drafts, isBusy, type SchedulingState, type Step } from "./state.ts";

/**
 * Plans the next step: decode rows of all running sequences, so that no stream stalls, with the `drafts` to verify, then
 * prompt chunks, in the order of admission, all in one forward. Undefined while a step or drafts are in flight, during a
 * pause, or if there is nothing to do.
 */
export function schedule(
  state: SchedulingState,
  drafts: Drafts = new Map(),
): Step | undefined {
  if (isBusy(state)) return undefined;
  // A step whose drafts are made has begun: the drafter counts on what it yields.
  if (state.pauseMode !== undefined && drafts.size === 0) return undefined;
  const releases = makeRoom(state);
  for (const sequence of state.running) growPages(state, sequence);
  const batch = new Batch(state, drafts, reserveForced(state, drafts));

  // In the order of admission: first those that decode, then the one whose prompt is not done, if there is one.
  for (const sequence of state.running) batch.add(sequence);
  // Admits no more sequences than can all have a row and an output, so that every running sequence is in every step.
  while (batch.hasSpace) {
    const sequence = admitNext(state);
    if (sequence === undefined) break;
    batch.start(sequence);
  }

  const step = batch.build(releases);
  if (step === undefined) return undefined;
  state.numSteps++;
  if (step.numPrefilling > 0) state.numPrefillSteps++;
  state.inFlight = step;
  return step;
}
