/**
 * The load that a draft policy is asked about, as it is at one moment.
 *
 * @module
 */
import { numPendingDraftTokens } from "../sequences/draft_extend.ts";
import { numAvailablePages, numMissingPages } from "../sequences/pages.ts";
import { isPrefilling, numOutputTokens, type Sequence } from "../sequences/sequence.ts";
import type { DraftCandidate, DraftLoad, StepLoad } from "../contracts/draft_policy.ts";
import type { SchedulingState } from "./state.ts";

/** Sequences that decode, in the order of admission. */
export function decodingOf({ running }: SchedulingState): Sequence[] {
  return running.filter((sequence) => !isPrefilling(sequence));
}

/** Those of the decoding sequences that drafts may be made for. */
export function draftableOf(decoding: readonly Sequence[]): Sequence[] {
  return decoding.filter(({ isSpeculative }) => isSpeculative);
}

/**
 * The load of the next step. All but the number of sequences is looked up when it is first read, which must be before the
 * state changes, and kept: a policy in cooldown reads none of it.
 */
export function draftLoadOf(state: SchedulingState): DraftLoad {
  const decoding = decodingOf(state);
  let details: DraftLoad | undefined;
  const read = () =>
    details ??= {
      ...stepLoadOf(state, decoding),
      canDraft: hasPages(state),
      candidates: draftableOf(decoding).map((sequence) => candidateOf(sequence, state.config.pageSize)),
    };
  return {
    numDecoding: decoding.length,
    get numPrefillRows() {
      return read().numPrefillRows;
    },
    get numContextTokens() {
      return read().numContextTokens;
    },
    get draftable() {
      return read().draftable;
    },
    get canDraft() {
      return read().canDraft;
    },
    get candidates() {
      return read().candidates;
    },
  };
}

/** Rows and contexts of the next step. */
export function stepLoadOf(state: SchedulingState, decoding: readonly Sequence[]): StepLoad {
  const numWaiting = state.waiting.size + state.running.length - decoding.length;
  const draftable = draftableOf(decoding);
  return {
    numDecoding: decoding.length,
    numPrefillRows: numWaiting === 0 ? 0 : numPrefillRows(state, decoding),
    numContextTokens: numContextTokens(decoding),
    draftable: { numSequences: draftable.length, numContextTokens: numContextTokens(draftable) },
  };
}

function numContextTokens(sequences: readonly Sequence[]): number {
  return sequences.reduce((sum, { tokens }) => sum + tokens.length, 0);
}

/** Prompt rows that will probably share the forward. */
function numPrefillRows(
  { running, waiting, config }: SchedulingState,
  decoding: readonly Sequence[],
): number {
  const { first } = waiting;
  const rows = [...running.filter((sequence) => !decoding.includes(sequence)), ...first ? [first] : []]
    .reduce((sum, { tokens, numComputed }) => sum + tokens.length - numComputed, 0);
  return Math.min(rows, config.chunkedPrefillSize);
}

/** True if all running sequences can have the pages they lack without a preemption. */
function hasPages(state: SchedulingState): boolean {
  const numMissing = state.running.reduce((sum, sequence) => sum + numMissingPages(state, sequence), 0);
  return numMissing <= numAvailablePages(state);
}

function candidateOf(sequence: Sequence, pageSize: number): DraftCandidate {
  return {
    isSampled: sequence.sampling.temperature > 0,
    wasDrafted: sequence.numDrafted > 0,
    numPending: numPendingDraftTokens(sequence, pageSize),
    numTokensLeft: sequence.maxTokens - numOutputTokens(sequence),
  };
}
