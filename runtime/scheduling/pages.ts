/**
 * Pages of sequences: growing, sharing with the cache, giving back.
 *
 * @module
 */
import type { Sequence } from "./sequence.ts";
import { nextPromptLogprob } from "./sequence.ts";
import type { State } from "./state.ts";

/** Pages that hold `numTokens` tokens. */
export function pagesFor(state: State, numTokens: number): number {
  return Math.ceil(numTokens / state.config.pageSize);
}

/** Makes room for the first `numTokens` tokens, evicting what nobody uses; false if the pool is exhausted. */
export function growPages(state: State, sequence: Sequence, numTokens: number): boolean {
  const numMissing = pagesFor(state, numTokens) - sequence.pages.length - state.allocator.numFree;
  if (numMissing > 0) { for (const page of state.cache.evict(numMissing)) state.allocator.free(page); }
  while (sequence.pages.length < pagesFor(state, numTokens)) {
    const page = state.allocator.allocate();
    if (page === undefined) return false;
    sequence.pages.push(page);
  }
  return true;
}

/**
 * Gives a sequence without pages the longest cached prefix, locked. At least one token is left to compute, and every
 * row whose prompt logprob is wanted.
 */
export function takePrefix(state: State, sequence: Sequence): void {
  const { cache, config } = state;
  if (config.disableRadixCache) return;
  const maxTokens = Math.min(sequence.tokens.length - 1, nextPromptLogprob(sequence) - 1);
  const { pages, node } = cache.match(sequence.tokens, Math.max(0, Math.floor(maxTokens / config.pageSize)));
  cache.lock(node);
  sequence.pages.push(...pages);
  sequence.numCachePages = pages.length;
  sequence.numComputed = pages.length * config.pageSize;
  sequence.node = node;
  sequence.sharesPages = true;
}

/** Hands full computed pages to the cache while the sequence goes on using them. */
export function sharePages(state: State, sequence: Sequence): void {
  const { cache, config } = state;
  if (config.disableRadixCache) return;
  const numFull = Math.floor(sequence.numComputed / config.pageSize);
  const before = sequence.node;
  while (sequence.sharesPages && sequence.numCachePages < numFull) {
    const index = sequence.numCachePages;
    if (cache.child(sequence.node, sequence.tokens, index)) {
      sequence.sharesPages = false;
    } else {
      sequence.node = cache.insert(sequence.node, sequence.tokens, index, sequence.pages[index]!);
      sequence.numCachePages++;
    }
  }
  if (sequence.node === before) return;
  cache.lock(sequence.node);
  cache.unlock(before);
}

/** Takes all pages from a sequence: full ones go to the cache unless it has equal ones, the rest are free. */
export function releasePages(state: State, sequence: Sequence): void {
  const { cache, allocator, config } = state;
  const numFull = config.disableRadixCache ? 0 : Math.floor(sequence.numComputed / config.pageSize);
  let node = sequence.node;
  for (let index = sequence.numCachePages; index < sequence.pages.length; index++) {
    const page = sequence.pages[index]!;
    const known = index < numFull ? cache.child(node, sequence.tokens, index) : undefined;
    if (index < numFull && !known) node = cache.insert(node, sequence.tokens, index, page);
    else allocator.free(page);
    if (known) node = known;
  }
  cache.unlock(sequence.node);
  sequence.node = cache.root;
  sequence.pages.length = 0;
  sequence.numCachePages = 0;
  sequence.numComputed = 0;
}
