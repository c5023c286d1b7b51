/**
 * Moves pages between their owners: the allocator, the radix cache and the sequences.
 *
 * @module
 */
import type { Prefix } from "../cache/radix_cache.ts";
import type { Sequence } from "./sequence.ts";
import type { SchedulingState } from "./state.ts";

/** Pages that can be had now: free ones and those the cache can evict. */
export function numAvailablePages({ allocator, cache }: SchedulingState): number {
  return allocator.numFree + cache.numEvictable;
}

/** Pages a sequence lacks to hold all its tokens. */
export function numMissingPages({ config }: SchedulingState, { tokens, pages }: Sequence): number {
  return Math.max(0, Math.ceil(tokens.length / config.pageSize) - pages.length);
}

/**
 * Tokens of a waiting sequence that may come out of the cache. At least one stays to be computed, since something must
 * yield logits, and so does every prompt token before one whose logprob is wanted.
 */
export function cacheableTokens({ tokens, numPromptTokens, nextPromptLogprob }: Sequence): number {
  return (nextPromptLogprob < numPromptTokens ? nextPromptLogprob : tokens.length) - 1;
}

/** What the cache has of a waiting sequence's prefix. */
export function matchPrefix({ config, cache }: SchedulingState, sequence: Sequence): Prefix {
  const { tokens, cacheKey } = sequence;
  return cache.match(tokens, Math.floor(cacheableTokens(sequence) / config.pageSize), cacheKey);
}

/** Gives a waiting sequence the cached pages of its prefix, locked. */
export function attachPrefix(state: SchedulingState, sequence: Sequence): void {
  const { config, cache } = state, { node, pages } = matchPrefix(state, sequence);
  cache.lock(node);
  sequence.prefix = node;
  sequence.pages = pages;
  sequence.numComputed = pages.length * config.pageSize;
}

/** Allocates what a sequence lacks, evicting as needed; the caller made sure that so much is available. */
export function growPages(state: SchedulingState, sequence: Sequence): void {
  addPages(state, sequence, numMissingPages(state, sequence));
}

/**
 * Makes room for up to `numSlots` drafts behind the tokens of a sequence, as far as there are pages for it without
 * preempting anybody; returns for how many. `trimPages` gives the room back.
 */
export function reservePages(state: SchedulingState, sequence: Sequence, numSlots: number): number {
  const { pageSize } = state.config, { tokens, pages } = sequence;
  const numWanted = Math.ceil((tokens.length + numSlots) / pageSize) - pages.length;
  addPages(state, sequence, Math.min(numWanted, numAvailablePages(state)));
  return Math.min(numSlots, sequence.pages.length * pageSize - tokens.length);
}

/** Frees the pages behind a sequence's tokens. */
export function trimPages({ config, allocator }: SchedulingState, { tokens, pages }: Sequence): void {
  allocator.free(pages.splice(Math.ceil(tokens.length / config.pageSize)));
}

function addPages({ allocator, cache, drafting }: SchedulingState, sequence: Sequence, count: number): void {
  if (count <= 0) return;
  if (count > allocator.numFree) allocator.free(cache.evict(count - allocator.numFree));
  const added = allocator.allocate(count);
  for (const page of added) drafting?.pagesRead.delete(page);
  sequence.pages = sequence.pages.concat(added);
}

/**
 * Gives the full pages of a sequence to the cache. Of pages the cache already has, the sequence adopts the cache's
 * and frees its own: equal tokens at equal positions have equal KV.
 */
export function sharePages({ config, allocator, cache }: SchedulingState, sequence: Sequence): void {
  const { depth } = sequence.prefix;
  const own = sequence.pages.slice(depth, Math.floor(sequence.numComputed / config.pageSize));
  const shared = cache.insert(sequence.prefix, sequence.tokens, own, sequence.cacheKey);
  allocator.free(own.filter((page, i) => i < shared.pages.length && page !== shared.pages[i]));
  sequence.pages.splice(depth, shared.pages.length, ...shared.pages);
  sequence.prefix = shared.node;
}

/** Takes all pages from a sequence; the full ones stay in the cache until they are evicted. */
export function releasePages(state: SchedulingState, sequence: Sequence): void {
  const { allocator, cache } = state;
  sharePages(state, sequence);
  allocator.free(sequence.pages.slice(sequence.prefix.depth));
  cache.unlock(sequence.prefix);
  sequence.prefix = cache.root;
  sequence.pages = [];
  sequence.numComputed = sequence.numDrafted = 0;
}
