/**
 * Moves pages between their owners: the allocator, the radix cache and the sequences.
 *
 * @module
 */
import type { PageAllocator } from "../cache/page_allocator.ts";
import type { Prefix, RadixCache } from "../cache/radix_cache.ts";
import type { SchedulerConfig } from "../contracts/config.ts";
import { markSharedDraftKv } from "./draft_extend.ts";
import type { Sequence } from "./sequence.ts";

/** The pages of the KV pool that no sequence owns. */
export interface PagePool {
  readonly config: Pick<SchedulerConfig, "numPages" | "pageSize">;
  readonly allocator: PageAllocator;
  readonly cache: RadixCache;
}

/** Tokens the KV pool holds. */
export function poolTokens({ numPages, pageSize }: PagePool["config"]): number {
  return numPages * pageSize;
}

/** Tokens of pages that are neither free nor evictable. */
export function numUsedTokens({ config, allocator, cache }: PagePool): number {
  return (config.numPages - allocator.numFree - cache.numEvictable) * config.pageSize;
}

/** Pages that can be had now: free ones and those the cache can evict. */
export function numAvailablePages({ allocator, cache }: PagePool): number {
  return allocator.numFree + cache.numEvictable;
}

/** Pages a sequence lacks to hold all its tokens. */
export function numMissingPages({ config }: PagePool, { tokens, pages }: Sequence): number {
  return Math.max(0, Math.ceil(tokens.length / config.pageSize) - pages.length);
}

/**
 * Tokens of a waiting sequence that may come out of the cache. At least one stays to be computed, since something must
 * yield logits, and so does every prompt token before one whose logprob is wanted, and every one whose hidden state is.
 */
export function cacheableTokens(
  { tokens, numPromptTokens, nextPromptLogprob, states }: Sequence,
): number {
  const numCacheable = (nextPromptLogprob < numPromptTokens ? nextPromptLogprob : tokens.length) - 1;
  return states === undefined ? numCacheable : Math.min(numCacheable, states.next);
}

/** The cached part of a waiting sequence's prefix. */
export function matchPrefix({ config, cache }: PagePool, sequence: Sequence): Prefix {
  const { tokens, cacheKey } = sequence;
  return cache.match(tokens, Math.floor(cacheableTokens(sequence) / config.pageSize), cacheKey);
}

/** Gives a waiting sequence the cached pages of its prefix, locked. */
export function attachPrefix(pool: PagePool, sequence: Sequence): void {
  const { config, cache } = pool, { node, pages } = matchPrefix(pool, sequence);
  cache.lock(node);
  sequence.prefix = node;
  sequence.pages = pages;
  sequence.numComputed = pages.length * config.pageSize;
}

/** Allocates the pages that a sequence lacks, evicting as needed; the caller made sure that there are as many. */
export function growPages(pool: PagePool, sequence: Sequence): void {
  addPages(pool, sequence, numMissingPages(pool, sequence));
}

/**
 * Makes room for up to `numSlots` drafts behind the tokens of a sequence, as far as there are pages for it without
 * preempting anybody; returns for how many. `trimPages` gives the room back.
 */
export function reservePages(pool: PagePool, sequence: Sequence, numSlots: number): number {
  const { pageSize } = pool.config, { tokens, pages } = sequence;
  const numWanted = Math.ceil((tokens.length + numSlots) / pageSize) - pages.length;
  addPages(pool, sequence, Math.min(numWanted, numAvailablePages(pool)));
  return Math.min(numSlots, sequence.pages.length * pageSize - tokens.length);
}

/** Frees the pages behind a sequence's tokens. */
export function trimPages({ config, allocator }: PagePool, { tokens, pages }: Sequence): void {
  allocator.free(pages.splice(Math.ceil(tokens.length / config.pageSize)));
}

function addPages({ allocator, cache }: PagePool, sequence: Sequence, count: number): void {
  if (count <= 0) return;
  if (count > allocator.numFree) allocator.free(cache.evict(count - allocator.numFree));
  const added = allocator.allocate(count);
  sequence.pages = sequence.pages.concat(added);
}

/**
 * Gives the full pages of a sequence to the cache. Of pages the cache already has, the sequence adopts the cache's
 * and frees its own: equal tokens at equal positions have equal KV.
 */
export function sharePages({ config, allocator, cache }: PagePool, sequence: Sequence): void {
  const { depth } = sequence.prefix;
  const own = sequence.pages.slice(depth, Math.floor(sequence.numComputed / config.pageSize));
  const shared = cache.insert(sequence.prefix, sequence.tokens, own, sequence.cacheKey);
  markSharedDraftKv(shared, own, sequence.numDraftKv - depth * config.pageSize, config.pageSize);
  allocator.free(own.filter((page, i) => i < shared.pages.length && page !== shared.pages[i]));
  sequence.pages.splice(depth, shared.pages.length, ...shared.pages);
  sequence.prefix = shared.node;
}

/** Takes all pages from a sequence; the full ones stay in the cache until they are evicted. */
export function releasePages(pool: PagePool, sequence: Sequence): void {
  const { allocator, cache } = pool;
  sharePages(pool, sequence);
  allocator.free(sequence.pages.slice(sequence.prefix.depth));
  cache.unlock(sequence.prefix);
  sequence.prefix = cache.root;
  sequence.pages = [];
  sequence.numComputed = sequence.numDrafted = sequence.numDraftKv = 0;
}
