/**
 * Drafts in the scheduler: who gets how many, which are verified, what was learnt from them.
 *
 * @module
 */
import type { Draft, Drafted, DraftRequest, DraftTree, SegmentResult } from "../messages.ts";
import type { DraftingConfig } from "../speculation_config.ts";
import { pruneTree } from "../speculation/draft_tree.ts";
import { Acceptance } from "./acceptance.ts";
import {
  chooseLevels,
  chooseNodes,
  costAt,
  type Costs,
  draftCost,
  type PlainStep,
  probeCost,
} from "./draft_budget.ts";
import { growPages, numAvailablePages, numMissingPages, reservePages } from "./pages.ts";
import { countVerification, type SpeculationCounts, zeroCounts } from "./speculation_counts.ts";
import { isPrefilling, numOutputTokens, type Sequence } from "./sequence.ts";
import { isBusy, type SchedulingState } from "./state.ts";

/** Share of the time that may go into looks a level deeper than is best. */
const PROBE_SHARE = 0.01;
/** Steps between two of them, at least. */
const MIN_PROBE_WAIT = 8;
/** Weight of the newest draft in `draftScale`. */
const SCALE_WEIGHT = 1 / 16;
/** The same where it is lower: others on the machine only ever make a draft take longer. */
const FALL_WEIGHT = 1 / 4;

/** What the scheduler knows of drafts. */
export interface Drafting {
  readonly config: DraftingConfig;
  readonly acceptance: Acceptance;
  /** Of all sequences since the start. */
  readonly usage: SpeculationCounts;
  /** Moving average of measured over expected drafting time, relative to that of forwards. */
  draftScale: number;
  forwardScale: number;
  /** Moving average of what a step takes beside its native forward, whatever its size. */
  overheadMs: number;
  numUntilProbe: number;
  /** Levels chosen last. */
  numLevels: number;
}

/** Drafts under way. */
export interface DraftStep {
  readonly draft: Draft;
  /** Sequence of each request. */
  readonly sequences: readonly Sequence[];
  /** One node more than pays is verified, to learn of it. */
  readonly isProbe: boolean;
  /** Expected time, without the `draftScale`. */
  readonly expectedMs: number;
}

/** Drafts to verify. */
export interface SequenceDraft {
  readonly tree: DraftTree;
  /** Levels that were asked for. */
  readonly numLevels: number;
  /** Sequences that decode in the same step. */
  readonly numSequences: number;
}

/** Drafts to verify, by sequence, an empty tree included. */
export type Drafts = ReadonlyMap<Sequence, SequenceDraft>;

/** A beginner. */
export function createDrafting(config: DraftingConfig): Drafting {
  return {
    config,
    acceptance: new Acceptance(config.numSteps),
    usage: zeroCounts(),
    draftScale: 1,
    forwardScale: 1,
    overheadMs: 0,
    numUntilProbe: MIN_PROBE_WAIT,
    numLevels: 0,
  };
}

/**
 * Plans the drafts of the next step and reserves their slots; undefined if it is to be a plain one. Where pages are so
 * scarce that somebody must be preempted, nobody drafts.
 */
export function planDraft(state: SchedulingState): DraftStep | undefined {
  const { drafting } = state;
  if (drafting === undefined || isBusy(state)) return undefined;
  const decoding = decodingOf(state);
  if (decoding.length === 0) return undefined;
  const numMissing = state.running.reduce((sum, sequence) => sum + numMissingPages(state, sequence), 0);
  if (numMissing > numAvailablePages(state)) return undefined;
  const { numLevels, isProbe } = levelsFor(drafting, plainStep(state, decoding));
  if (numLevels === 0) return undefined;

  for (const sequence of state.running) growPages(state, sequence);
  // Where nothing pays, one sequence is enough to see whether it begins to.
  const asked = isProbe && drafting.numLevels === 0
    ? decoding.slice(state.numSteps % decoding.length).slice(0, 1)
    : decoding;
  const maxNodes = nodesPerSequence(state, decoding);
  const requests: DraftRequest[] = [], sequences: Sequence[] = [];
  for (const sequence of asked) {
    const request = requestFor(state, sequence, numLevels, maxNodes);
    if (request === undefined) continue;
    requests.push(request);
    sequences.push(sequence);
  }
  if (requests.length === 0) return undefined;
  const draft: Draft = { type: "draft", step: state.numSteps + 1, requests };
  const expectedMs = draftCost({ ...drafting.config, draftScale: 1 }, requests.length, numLevels);
  state.draftInFlight = { draft, sequences, isProbe, expectedMs };
  return state.draftInFlight;
}

/**
 * Takes the drafts in flight; says what to verify of them, sequence by sequence: an empty tree where the drafter had
 * nothing or nothing pays.
 *
 * @param draftMs from the command until the drafts are here, messages included
 * @throws {RangeError} if they are another step's
 */
export function takeDrafts(
  state: SchedulingState,
  { step, trees }: Drafted,
  draftMs: number,
): Drafts {
  const { drafting, draftInFlight } = state;
  if (drafting === undefined || draftInFlight?.draft.step !== step) {
    throw new RangeError(
      `Cannot take drafts of step ${step}: ${draftInFlight?.draft.step ?? "none"} are awaited`,
    );
  }
  state.draftInFlight = undefined;
  state.draftMs += draftMs;
  const { sequences, draft: { requests }, isProbe, expectedMs } = draftInFlight;
  const drafts = new Map<Sequence, SequenceDraft>(), numSequences = decodingOf(state).length;
  sequences.forEach((sequence, i) => {
    const { start, tokens, numSteps } = requests[i]!;
    sequence.numDrafted = start + tokens.length;
    if (state.running.includes(sequence)) {
      drafts.set(sequence, { tree: trees[i]!, numLevels: numSteps, numSequences });
    }
  });
  if (!drafting.config.adaptive) return drafts;
  // A first request brings a whole prompt, which says nothing about the others.
  const isUsual = requests.every(({ tokens }) => tokens.length <= 2 * (drafting.config.numSteps + 1));
  if (isUsual && expectedMs > 0) {
    // Slow to believe that drafts are dear, or a few cold ones would be the last.
    const scale = draftMs / expectedMs, weight = scale < drafting.draftScale ? FALL_WEIGHT : SCALE_WEIGHT;
    drafting.draftScale += weight * (scale - drafting.draftScale);
  }
  const spentMs = (isUsual ? draftMs : expectedMs * drafting.draftScale) / drafting.forwardScale;
  return keepBest(state, drafts, { spentMs, isProbe });
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
  const numProposed = draft?.tree.tokens.length ?? 0;
  for (const counts of [drafting.usage, sequence.speculation ??= zeroCounts()]) {
    countVerification(counts, numProposed, Math.max(0, numTaken - 1));
  }
  if (draft) drafting.acceptance.observe(draft, result.tokens);
}

/** Learns how long forwards of decoding sequences take now, in native code and until the scheduler has the outcome. */
export function observeForward(
  drafting: Drafting,
  numRows: number,
  { forwardMs, roundTripMs }: { readonly forwardMs: number; readonly roundTripMs: number },
): void {
  drafting.overheadMs += SCALE_WEIGHT * (Math.max(0, roundTripMs - forwardMs) - drafting.overheadMs);
  const expected = costAt(drafting.config.forwardMs, numRows);
  if (expected > 0) drafting.forwardScale += SCALE_WEIGHT * (forwardMs / expected - drafting.forwardScale);
}

function costsOf({ config, draftScale, forwardScale, overheadMs }: Drafting): Costs {
  const unit = Math.max(forwardScale, 1e-9);
  return { ...config, draftScale: draftScale / unit, overheadMs: overheadMs / unit };
}

function decodingOf({ running }: SchedulingState): Sequence[] {
  return running.filter((sequence) => !isPrefilling(sequence));
}

function plainStep(state: SchedulingState, decoding: readonly Sequence[]): PlainStep {
  const numWaiting = state.waiting.length + state.running.length - decoding.length;
  return {
    numDecoding: decoding.length,
    numPrefillRows: numWaiting === 0 ? 0 : numPrefillRows(state, decoding),
  };
}

/** Prompt rows that will probably share the forward. */
function numPrefillRows(
  { running, waiting, config }: SchedulingState,
  decoding: readonly Sequence[],
): number {
  const rows = [...running.filter((sequence) => !decoding.includes(sequence)), ...waiting.slice(0, 1)]
    .reduce((sum, { tokens, numComputed }) => sum + tokens.length - numComputed, 0);
  return Math.min(rows, config.chunkedPrefillSize);
}

function levelsFor(drafting: Drafting, step: PlainStep): { numLevels: number; isProbe: boolean } {
  const { config, acceptance } = drafting;
  if (!config.adaptive) return { numLevels: config.numSteps, isProbe: false };
  const costs = costsOf(drafting);
  const best = chooseLevels(
    costs,
    step,
    config.numSteps,
    (levels) => acceptance.expect(levels, step.numDecoding),
  );
  drafting.numLevels = best;
  if (--drafting.numUntilProbe > 0) return { numLevels: best, isProbe: false };
  drafting.numUntilProbe = Math.max(MIN_PROBE_WAIT, Math.ceil(probeCost(costs, step, best) / PROBE_SHARE));
  return { numLevels: Math.min(best + 1, config.numSteps), isProbe: true };
}

/** Nodes that each of the decoding sequences may have, so that the forward has room for all and for a prompt. */
function nodesPerSequence(
  { config, running, drafting }: SchedulingState,
  decoding: readonly Sequence[],
): number {
  const numRows = decoding.reduce((sum, { tokens, numComputed }) => sum + tokens.length - numComputed, 0);
  const numOthers = running.length - decoding.length;
  const room = Math.min(config.maxRows - numRows, config.maxOutputs - decoding.length) - numOthers;
  return Math.max(0, Math.min(Math.floor(room / decoding.length), drafting!.config.numNodes));
}

/** Undefined if no draft of the sequence could be used. */
function requestFor(
  state: SchedulingState,
  sequence: Sequence,
  numLevels: number,
  maxNodes: number,
): DraftRequest | undefined {
  const { config } = state.drafting!;
  // The token after the last draft counts too.
  const maxDepth = Math.min(numLevels, sequence.maxTokens - numOutputTokens(sequence) - 1);
  if (maxDepth <= 0 || maxNodes === 0) return undefined;
  const numSlots = reservePages(state, sequence, Math.max(maxNodes, maxDepth));
  const numNodes = Math.min(maxNodes, numSlots), numSteps = Math.min(maxDepth, numSlots);
  if (numSteps === 0 || numNodes === 0) return undefined;
  return {
    requestId: sequence.requestId,
    start: sequence.numDrafted,
    tokens: Int32Array.from(sequence.tokens.slice(sequence.numDrafted)),
    pages: Int32Array.from(sequence.pages),
    numCachedTokens: sequence.numDrafted === 0 ? sequence.numAttached : 0,
    numSteps,
    topk: config.topk,
    numNodes,
  };
}

/** Keeps the nodes, over all trees, that pay. */
function keepBest(
  state: SchedulingState,
  drafts: Drafts,
  { spentMs, isProbe }: { readonly spentMs: number; readonly isProbe: boolean },
): Drafts {
  const drafting = state.drafting!;
  const calibrated = Array.from(drafts.values(), ({ tree }) => drafting.acceptance.calibrate(tree));
  const all = calibrated.flatMap((probabilities) => [...probabilities]).sort((a, b) => b - a);
  const decoding = decodingOf(state);
  const best = chooseNodes(costsOf(drafting), plainStep(state, decoding), spentMs, all);
  const numNodes = Math.min(all.length, best + Number(isProbe));
  const least = all[numNodes - 1] ?? Infinity;
  let numTied = all.slice(0, numNodes).filter((probability) => probability === least).length;
  return new Map(Array.from(drafts, ([sequence, draft], i) => {
    const keeps = (probability: number) => probability > least || (probability === least && numTied-- > 0);
    return [sequence, {
      ...draft,
      tree: pruneTree(draft.tree, (node) => keeps(calibrated[i]![node]!)),
    }] as const;
  }));
}
