/**
 * Copies of a prompt: sequences of one batch with the same prompt, as `n` makes them. One of them computes it while the others
 * wait, holding nobody else up; then they take its full pages over from the radix cache.
 *
 * @module
 */
import type { SchedulerConfig } from "../contracts/config.ts";
import type { SubmitBatch } from "../contracts/generation.ts";
import { cacheableTokens } from "../sequences/pages.ts";
import type { Copies, Sequence } from "../sequences/sequence.ts";

/** The part of the scheduler's state that copies read. */
interface CopyState {
  readonly config: Pick<SchedulerConfig, "pageSize" | "disableRadixCache">;
  /** Those of the newest prompt; copies come one right after another. */
  newestCopies: Copies | undefined;
}

/** The copies that a new sequence is one of; undefined if it is not of a batch. */
export function joinCopies(state: CopyState, batch: SubmitBatch | undefined): Copies | undefined {
  if (batch === undefined) return undefined;
  const { id: batchId, promptIndex } = batch, { newestCopies: newest } = state;
  if (newest?.batchId === batchId && newest.promptIndex === promptIndex) return newest;
  return state.newestCopies = { batchId, promptIndex, reader: undefined };
}

/**
 * Whether another copy of a waiting sequence's prompt is computing pages that this one can take over. False as soon as that one
 * has computed them, was preempted or has ended, so nobody waits for a copy that does not run.
 */
export function awaitsCopy(
  { config: { pageSize, disableRadixCache } }: Pick<CopyState, "config">,
  sequence: Sequence,
): boolean {
  const reader = sequence.copies?.reader;
  if (reader === undefined || disableRadixCache) return false;
  const numShared = Math.floor(cacheableTokens(sequence) / pageSize) * pageSize;
  return reader.pages.length > 0 && reader.numComputed < numShared;
}

/** Learns that a copy was admitted: it computes what no other copy does. */
export function observeAdmittedCopy(state: Pick<CopyState, "config">, sequence: Sequence): void {
  if (sequence.copies !== undefined && !awaitsCopy(state, sequence)) sequence.copies.reader = sequence;
}
