/**
 * Draft extend as the scheduler expects it: how many tokens the drafter has still to read, by what it reported to have
 * read of a sequence and of the cached pages that others share. Says what a draft will cost, never what is in draft KV.
 *
 * @module
 */
import type { Prefix } from "../cache/radix_cache.ts";
import type { Sequence } from "./sequence.ts";

/** Books a draft for which tokens up to `numDrafted` were sent, and after which the first `numDraftKv` have draft KV. */
export function bookDraft(
  sequence: Sequence,
  { numDrafted, numDraftKv, pageSize }: {
    readonly numDrafted: number;
    readonly numDraftKv: number;
    readonly pageSize: number;
  },
): void {
  const numBefore = sequence.numDraftKv;
  sequence.numDrafted = numDrafted;
  sequence.numDraftKv = numDraftKv;
  let node = sequence.prefix;
  // While a sequence decodes its prefix stays: once all of it has draft KV, there is nothing to mark.
  if (numBefore >= node.depth * pageSize) return;
  for (; node.parent !== undefined; node = node.parent) {
    if (node.depth * pageSize <= numDraftKv) node.hasDraftKv = true;
  }
}

/**
 * Marks pages that a sequence has given to the cache.
 *
 * @param shared path of the cache below the prefix that the sequence had
 * @param own the sequence's pages on that path; the cache has others where it had the tokens already
 * @param numDraftKv tokens, from the first of those pages on, whose draft KV is in `own`
 */
export function markSharedDraftKv(
  shared: Prefix,
  own: readonly number[],
  numDraftKv: number,
  pageSize: number,
): void {
  let { node } = shared;
  for (let i = shared.pages.length - 1; i >= 0; i--) {
    if (shared.pages[i] === own[i] && (i + 1) * pageSize <= numDraftKv) node.hasDraftKv = true;
    node = node.parent!;
  }
}

/** Pending draft tokens: those that the drafter has to read (draft extend) before it can draft for a sequence. */
export function numPendingDraftTokens({ tokens, numDrafted, prefix }: Sequence, pageSize: number): number {
  if (numDrafted > 0) return tokens.length - numDrafted;
  let numPages = prefix.depth;
  for (let node = prefix; node.parent !== undefined; node = node.parent) {
    if (!node.hasDraftKv) numPages = node.depth - 1;
  }
  return tokens.length - numPages * pageSize;
}
