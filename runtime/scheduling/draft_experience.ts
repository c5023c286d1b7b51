/**
 * What the scheduler knows of drafting, how it learns it, and how deep it drafts by it.
 *
 * @module
 */
import type { DraftTree } from "../contracts/draft_tree.ts";
import type { SegmentResult } from "../messages/scheduler_verifier.ts";
import type { DraftingConfig } from "../contracts/speculation_config.ts";
import { Acceptance } from "./acceptance.ts";
import {
  catchUpCost,
  chooseLevels,
  type Costs,
  isFree,
  type PlainStep,
  probeCost,
  stepCost,
} from "./draft_budget.ts";
import {
  beginDrafting,
  type ComputedRows,
  createForwardTimes,
  type ForwardTimes,
  isToCompare,
  observeForward,
} from "./forward_times.ts";
import { countStep, createProbing, observeProbe, type Probing } from "./probing.ts";
import { numOutputTokens, type Sequence } from "./sequence.ts";
import { countVerification, nodesByDepth, type SpeculationCounts, zeroCounts } from "./speculation_counts.ts";

/** Weight of the newest draft in `draftScale`, and of the newest step in `overheadMs`. */
const SCALE_WEIGHT = 1 / 16;
/** The same where it is lower: others on the machine only ever make a draft take longer. */
const FALL_WEIGHT = 1 / 4;
/** Tokens at most within which it has to pay that the drafter catches up with what it was not told. */
const MAX_CATCH_UP_TOKENS = 256;
/** Steps from one in which nothing paid until it is weighed again, unless sequences come or go. */
const REST = 8;
/** A draft counts as no dearer than so many times what drafts took before: the machine may have stood still. */
const MAX_RISE = 4;

/** Drafts to verify. */
export interface SequenceDraft {
  readonly tree: DraftTree;
  /** Levels that were asked for. */
  readonly numLevels: number;
  /** Sequences that decode in the same step. */
  readonly numSequences: number;
}

/** What the scheduler knows of drafts. */
export interface Drafting {
  readonly config: DraftingConfig;
  /** Of greedy tokens and of sampled ones, which a draft meets less often. */
  readonly acceptance: { readonly greedy: Acceptance; readonly sampled: Acceptance };
  /** Of all sequences since the start. */
  readonly usage: SpeculationCounts;
  readonly forwards: ForwardTimes;
  /** Moving average of measured over expected drafting time. */
  draftScale: number;
  /** Moving average of what a step takes beside its native forward, whatever its size. */
  overheadMs: number;
  readonly probing: Probing;
  /** Levels chosen last. */
  numLevels: number;
  /** Steps that go without choosing, while no more and no fewer sequences decode. */
  readonly rest: { numSteps: number; numDecoding: number };
  readonly pageSize: number;
  /** Pages whose tokens the drafter has read, as far as they have the same owner or are in the cache since. */
  readonly pagesRead: Set<number>;
}

/** A beginner. */
export function createDrafting(config: DraftingConfig, pageSize: number): Drafting {
  return {
    config,
    pageSize,
    pagesRead: new Set(),
    acceptance: { greedy: new Acceptance(config.numSteps), sampled: new Acceptance(config.numSteps) },
    usage: zeroCounts(),
    forwards: createForwardTimes(config.forwardMs, config.contextMs),
    draftScale: 1,
    overheadMs: 0,
    probing: createProbing(),
    numLevels: 0,
    rest: { numSteps: 0, numDecoding: 0 },
  };
}

/**
 * Whether a step with `numDecoding` sequences is to be plain without choosing, since nothing paid a moment ago: to choose
 * takes a hundredth of a step. Who is new changes the number, at the latest when their prompt is read.
 */
export function isResting({ rest, probing }: Drafting, numDecoding: number): boolean {
  if (numDecoding !== rest.numDecoding) rest.numSteps = 0;
  if (rest.numSteps === 0) return false;
  rest.numSteps--;
  probing.numSince++;
  return true;
}

/** Levels to draft for `decoding`. A probe is to show whether more would pay. */
export function levelsFor(
  drafting: Drafting,
  step: PlainStep,
  decoding: readonly Sequence[],
): { numLevels: number; isProbe: boolean } {
  const { config } = drafting;
  if (!config.adaptive) return { numLevels: config.numSteps, isProbe: false };
  const costs = costsOf(drafting), untold = decoding.map((sequence) => numUntold(drafting, sequence));
  const best = chooseLevels(
    costs,
    step,
    config.numSteps,
    (levels) => expectedOf(drafting, decoding, levels),
    untold.reduce((sum, n, i) => sum + catchUpCost(costs, n) / tokensAhead(decoding[i]!), 0),
  );
  if (best > 0 && drafting.numLevels === 0) beginDrafting(drafting.forwards);
  drafting.numLevels = best;
  const mayCompare = best > 0 && step.numPrefillRows === 0 && !isFree(costs, step, config.numSteps);
  if (mayCompare && isToCompare(drafting.forwards)) return { numLevels: 0, isProbe: false };
  const deeper = Math.min(best + 1, config.numSteps);
  const probeMs = probeCost(costs, step, best, deeper, Math.min(...untold)), isIdle = best === 0;
  const isProbe = countStep(drafting.probing, { isIdle, probeMs, plainMs: stepCost(costs, step) });
  Object.assign(drafting.rest, { numSteps: isIdle && !isProbe ? REST - 1 : 0, numDecoding: decoding.length });
  return { numLevels: isProbe ? deeper : best, isProbe };
}

/** Levels of the trees that are made now, probes aside. */
export function numLevelsNow({ config, numLevels }: Drafting): number {
  return config.adaptive ? numLevels : config.numSteps;
}

/** Takes note that a probe is made, for `asked` among `numDecoding` sequences. */
export function beginProbe(drafting: Drafting, asked: Sequence, numDecoding: number): void {
  drafting.probing.numSince = 0;
  if (drafting.numLevels === 0) acceptanceOf(drafting, asked).age(numDecoding);
}

/** What is known of drafts for such a sequence. */
export function acceptanceOf({ acceptance }: Drafting, { sampling: { temperature } }: Sequence): Acceptance {
  return temperature > 0 ? acceptance.sampled : acceptance.greedy;
}

/** What to hope for of an average tree of `numLevels`. */
function expectedOf(drafting: Drafting, decoding: readonly Sequence[], numLevels: number) {
  const mean = { accepted: 0, nodes: 0 };
  for (const [acceptance, { length }] of Map.groupBy(decoding, (one) => acceptanceOf(drafting, one))) {
    const { accepted, nodes } = acceptance.expect(numLevels, decoding.length);
    mean.accepted += accepted * length / decoding.length;
    mean.nodes += nodes * length / decoding.length;
  }
  return mean;
}

/** Counts a decode step of a sequence, which yielded `numTaken` tokens, and learns from what became of its drafts. */
export function observeDraft(
  drafting: Drafting,
  { sequence, draft, numTaken, result }: {
    readonly sequence: Sequence;
    readonly draft: SequenceDraft | undefined;
    readonly numTaken: number;
    readonly result: SegmentResult;
  },
): void {
  const proposed = draft ? nodesByDepth(draft.tree) : [];
  for (const counts of [drafting.usage, sequence.speculation ??= zeroCounts()]) {
    countVerification(counts, proposed, Math.max(0, numTaken - 1));
  }
  if (draft) acceptanceOf(drafting, sequence).observe(draft, result.tokens);
}

/** Learns how long drafts take now, from a round trip and what it should have taken by the measured costs. */
export function observeDraftTime(
  drafting: Drafting,
  { draftMs, expectedMs }: { readonly draftMs: number; readonly expectedMs: number },
): void {
  if (expectedMs <= 0) return;
  const scale = Math.min(draftMs / expectedMs, MAX_RISE * drafting.draftScale);
  // Slow to believe that drafts are dear, or a few cold ones would be the last.
  const weight = scale < drafting.draftScale ? FALL_WEIGHT : SCALE_WEIGHT;
  drafting.draftScale += weight * (scale - drafting.draftScale);
}

/** Learns how long to leave probing, from a probe beside a step that without it would have been `step`. */
export function observeProbeTime(
  drafting: Drafting,
  { draftMs, step }: { readonly draftMs: number; readonly step: PlainStep },
): void {
  const plainMs = drafting.forwards.scale * stepCost(costsOf(drafting), { ...step, numPrefillRows: 0 });
  observeProbe(drafting.probing, { isIdle: drafting.numLevels === 0, probeMs: draftMs, plainMs });
}

/** Learns from a step of decoding sequences alone: its time in native code, and until the scheduler had the outcome. */
export function observeStep(
  drafting: Drafting,
  computed: readonly ComputedRows[],
  { forwardMs, roundTripMs, hadDrafts }: {
    readonly forwardMs: number;
    readonly roundTripMs: number;
    readonly hadDrafts: boolean;
  },
): void {
  drafting.overheadMs += SCALE_WEIGHT * (Math.max(0, roundTripMs - forwardMs) - drafting.overheadMs);
  observeForward(drafting.forwards, computed, { forwardMs, isDrafting: drafting.numLevels > 0, hadDrafts });
}

/** What things cost, with the time of forwards as they are now as the unit. */
export function costsOf({ config: { draftMs }, forwards, draftScale, overheadMs }: Drafting): Costs {
  const { curve, contextMs, draftedScale } = forwards, unit = Math.max(forwards.scale, 1e-9);
  return {
    forwardMs: curve,
    contextMs,
    draftMs,
    draftScale: draftScale / unit,
    draftedScale,
    overheadMs: overheadMs / unit,
  };
}

/** Tokens that the drafter has to read before it can draft: not those of a prefix that it read for others. */
export function numUntold(
  { pageSize, pagesRead }: Drafting,
  { tokens, numDrafted, pages }: Sequence,
): number {
  if (numDrafted > 0) return tokens.length - numDrafted;
  const numRead = pages.findIndex((page) => !pagesRead.has(page));
  return tokens.length - pageSize * (numRead < 0 ? pages.length : numRead);
}

/** Takes note that the drafter has been given a sequence up to `numDrafted`. */
export function observeReading(
  { pageSize, pagesRead }: Drafting,
  { pages, numDrafted }: Sequence,
  numDraftedBefore: number,
): void {
  const first = Math.floor(numDraftedBefore / pageSize), end = Math.floor(numDrafted / pageSize);
  for (const page of pages.slice(first, end)) pagesRead.add(page);
}

/** Tokens within which drafts for a sequence have to pay: it may end sooner than it must. */
function tokensAhead(sequence: Sequence): number {
  return Math.min(MAX_CATCH_UP_TOKENS, Math.max(1, sequence.maxTokens - numOutputTokens(sequence)));
}
