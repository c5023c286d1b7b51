/**
 * What must hold of a scheduler's state and of every step it plans.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { SchedulerConfig } from "../../runtime/contracts/config.ts";
import type { Segment } from "../../runtime/messages/scheduler_verifier.ts";
import type { SchedulingState } from "../../runtime/scheduling/state.ts";
import { emptyTree } from "../../runtime/contracts/draft_tree.ts";
import type { Client } from "./scheduler_client.ts";

/** What the verifier knows of a sequence. */
export interface Started {
  numFed: number;
  decodes: boolean;
}

/** Slots for drafts and forced tokens. */
function numSlots({ tree = emptyTree, maxNodes = 0 }: Segment): number {
  return Math.max(tree.tokens.length, maxNodes);
}

/** A step keeps to the limits, and decodes come first. */
export function checkBudget(
  segments: readonly Segment[],
  { config, started, nobodyStalls }: {
    readonly config: SchedulerConfig;
    readonly started: ReadonlyMap<string, Started>;
    /** Every sequence takes part in every step. */
    readonly nobodyStalls: boolean;
  },
): void {
  const { maxRows, maxOutputs, chunkedPrefillSize, maxRunningRequests } = config;
  const sum = (count: (segment: Segment) => number) =>
    segments.reduce((all, segment) => all + count(segment), 0);
  const numNodes = sum(numSlots);
  assert.ok(sum(({ tokens }) => tokens.length) + numNodes <= maxRows, "too many rows");
  assert.ok(
    sum(({ sample, promptLogprobs }) => Number(sample) + (promptLogprobs?.numRows ?? 0)) + numNodes <=
      maxOutputs,
    "too many outputs",
  );
  assert.ok(
    sum(({ requestId, tokens }) => started.get(requestId)!.decodes ? 0 : tokens.length) <=
      chunkedPrefillSize,
    "too many prefill rows",
  );
  assert.ok(started.size <= maxRunningRequests, "too many sequences");
  assert.equal(new Set(segments.map(({ requestId }) => requestId)).size, segments.length);
  const decodes = segments.map(({ requestId }) => started.get(requestId)!.decodes);
  assert.deepEqual(decodes, decodes.toSorted((a, b) => Number(b) - Number(a)), "decodes come first");
  if (nobodyStalls) assert.equal(segments.length, started.size, "nobody stalls");
}

/** A segment goes on where its sequence stopped, with the tokens its client knows, in pages nobody else writes. */
export function checkSegment(
  segment: Segment,
  all: readonly Segment[],
  { client, numFed, pageSize }: {
    readonly client: Client;
    readonly numFed: number;
    readonly pageSize: number;
  },
): void {
  const { requestId, start, tokens, pages, sample, promptLogprobs, maxNodes = 0 } = segment;
  const { prompt, tokens: output, asks, sampling } = client;
  const truth = [...prompt, ...output];
  const end = start + tokens.length;
  assert.equal(start, numFed, `${requestId} skips or repeats a position`);
  assert.ok(tokens.length > 0);
  assert.deepEqual([...tokens], truth.slice(start, end));
  assert.equal(sample, end === truth.length);
  const numNodes = numSlots(segment);
  assert.ok(maxNodes === 0 || (asks.constraint !== undefined && asks.speculative !== false));
  assert.ok(maxNodes === 0 || output.length + maxNodes < sampling.maxTokens, "forced tokens behind the end");
  assert.ok(numNodes === 0 || sample, "drafts without a root that is sampled");
  assert.ok(pages.length * pageSize >= end + numNodes, "the page table is too short");
  assert.equal(new Set(pages).size, pages.length, "a page occurs twice");
  const written = pages.slice(Math.floor(start / pageSize));
  for (const other of all) {
    const isShared = other !== segment && other.pages.some((page) => written.includes(page));
    assert.ok(!isShared, `${requestId} writes a page of ${other.requestId}`);
  }
  if (promptLogprobs !== undefined) {
    const firstNext = end - Number(sample) - promptLogprobs.numRows + 1;
    assert.ok(end - Number(sample) < prompt.length, "only prompt tokens are known");
    assert.deepEqual(
      [...promptLogprobs.nextTokens],
      prompt.slice(firstNext, firstNext + promptLogprobs.numRows),
    );
  }
}

/** Every page has one owner: a sequence, the cache, or nobody. */
export function checkOwners(state: SchedulingState): void {
  const { config, running, compiling, waiting, allocator, cache, sequences } = state;
  const owned = running.flatMap(({ pages, prefix }) => pages.slice(prefix.depth));
  const locked = new Set(running.flatMap(({ pages, prefix }) => pages.slice(0, prefix.depth)));
  assert.equal(new Set(owned).size, owned.length, "two sequences own a page");
  assert.ok(!owned.some((page) => locked.has(page)), "a sequence owns a page of the cache");
  assert.equal(
    owned.length + locked.size + allocator.numFree + cache.numEvictable,
    config.numPages,
    "a page has no owner or two",
  );
  for (const { pages, numComputed, prefix } of [...compiling, ...waiting]) {
    assert.deepEqual([pages, numComputed, prefix], [[], 0, cache.root], "a waiting sequence owns pages");
  }
  const all = [...compiling, ...waiting, ...running];
  assert.deepEqual(new Set(sequences.values()), new Set(all));
  assert.equal(sequences.size, all.length, "a sequence is in two places");
  assert.ok(running.length <= config.maxRunningRequests);
}
