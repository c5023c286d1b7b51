/**
 * Drafts in the scheduler: who gets how many, and which are verified.
 *
 * @module
 */
import type { Draft, Drafted, DraftRequest } from "../messages/scheduler_drafter.ts";
import { pruneTree } from "../contracts/draft_tree.ts";
import { catchUpCost, chooseNodes, draftCost, type PlainStep } from "./draft_budget.ts";
import {
  acceptanceOf,
  beginProbe,
  costsOf,
  type Drafting,
  isResting,
  levelsFor,
  numUntold,
  observeDraftTime,
  observeProbeTime,
  observeReading,
  type SequenceDraft,
} from "./draft_experience.ts";
import { growPages, numAvailablePages, numMissingPages, reservePages } from "./pages.ts";
import { isPrefilling, numOutputTokens, type Sequence } from "./sequence.ts";
import { isBusy, type SchedulingState } from "./state.ts";

/** Drafts under way. */
export interface DraftStep {
  readonly draft: Draft;
  /** Sequence of each request. */
  readonly sequences: readonly Sequence[];
  /** One node more than pays is verified, to learn of it. */
  readonly isProbe: boolean;
  /** Expected time for trees, and for what the drafter has to catch up with, without the `draftScale`. */
  readonly treesMs: number;
  readonly catchUpMs: number;
}

/** Drafts to verify, by sequence, an empty tree included. */
export type Drafts = ReadonlyMap<Sequence, SequenceDraft>;

/**
 * Plans the drafts of the next step and reserves their slots; undefined if it is to be a plain one. Where pages are so
 * scarce that somebody must be preempted, nobody drafts.
 */
export function planDraft(state: SchedulingState): DraftStep | undefined {
  const { drafting } = state;
  if (drafting === undefined || isBusy(state) || state.pauseMode !== undefined) return undefined;
  const decoding = decodingOf(state);
  if (isResting(drafting, decoding.length)) return undefined;
  if (decoding.length === 0) return undefined;
  const numMissing = state.running.reduce((sum, sequence) => sum + numMissingPages(state, sequence), 0);
  if (numMissing > numAvailablePages(state)) return undefined;
  const { numLevels, isProbe } = levelsFor(drafting, plainStep(state, decoding), decoding);
  if (numLevels === 0) return undefined;

  for (const sequence of state.running) growPages(state, sequence);
  // Where nothing pays, one sequence is enough to see whether it begins to: the one that the drafter knows best.
  const asked = isProbe && drafting.numLevels === 0
    ? decoding.toSorted((a, b) => numUntold(drafting, a) - numUntold(drafting, b)).slice(0, 1)
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
  const costs = { ...drafting.config, draftScale: 1 };
  const treesMs = draftCost(costs, requests.length, numLevels);
  const catchUpMs = sequences.reduce(
    (sum, sequence) => sum + catchUpCost(costs, numUntold(drafting, sequence)),
    0,
  );
  if (isProbe) beginProbe(drafting, sequences[0]!, decoding.length);
  state.draftInFlight = { draft, sequences, isProbe, treesMs, catchUpMs };
  return state.draftInFlight;
}

/**
 * Takes the drafts in flight; says what to verify of them, sequence by sequence: an empty tree where the drafter had
 * nothing or nothing pays.
 *
 * @param draftMs from the plan until the drafts are here, messages included
 * @throws {RangeError} if they are another step's
 */
export function takeDrafts(
  state: SchedulingState,
  { step: stepNumber, trees }: Drafted,
  draftMs: number,
): Drafts {
  const { drafting, draftInFlight } = state;
  if (drafting === undefined || draftInFlight?.draft.step !== stepNumber) {
    throw new RangeError(
      `Cannot take drafts of step ${stepNumber}: ${draftInFlight?.draft.step ?? "none"} are awaited`,
    );
  }
  state.draftInFlight = undefined;
  state.draftMs += draftMs;
  state.numDrafts++;
  const { sequences, draft: { requests }, isProbe, treesMs, catchUpMs } = draftInFlight;
  const drafts = new Map<Sequence, SequenceDraft>(), decoding = decodingOf(state);
  sequences.forEach((sequence, i) => {
    const { start, tokens, numSteps } = requests[i]!;
    sequence.numDrafted = start + tokens.length;
    observeReading(drafting, sequence, start);
    if (state.running.includes(sequence)) {
      drafts.set(sequence, { tree: trees[i]!, numLevels: numSteps, numSequences: decoding.length });
    }
  });
  if (!drafting.config.adaptive) return drafts;
  // A prompt takes the drafter long, a known one short: it says little about the others.
  const isUsual = requests.every(({ start }) => start > 0), step = plainStep(state, decoding);
  const expectedMs = treesMs + catchUpMs;
  if (isUsual) observeDraftTime(drafting, { draftMs, expectedMs });
  if (isProbe) observeProbeTime(drafting, { draftMs, step });
  // What it caught up with pays for itself later.
  const share = expectedMs > 0 ? treesMs / expectedMs : 1;
  const spentMs = (isUsual ? share * draftMs : treesMs * drafting.draftScale) / drafting.forwards.scale;
  return keepBest(drafting, drafts, { step, spentMs, isProbe });
}

function decodingOf({ running }: SchedulingState): Sequence[] {
  return running.filter((sequence) => !isPrefilling(sequence));
}

function plainStep(state: SchedulingState, decoding: readonly Sequence[]): PlainStep {
  const numWaiting = state.waiting.size + state.running.length - decoding.length;
  return {
    numDecoding: decoding.length,
    numPrefillRows: numWaiting === 0 ? 0 : numPrefillRows(state, decoding),
    numContextTokens: decoding.reduce((sum, { tokens }) => sum + tokens.length, 0),
  };
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
    tokens: new Int32Array(sequence.tokens.slice(sequence.numDrafted)),
    pages: new Int32Array(sequence.pages),
    numSteps,
    topk: config.topk,
    numNodes,
  };
}

/** Keeps the nodes, over all trees, that pay. */
function keepBest(
  drafting: Drafting,
  drafts: Drafts,
  { step, spentMs, isProbe }: {
    readonly step: PlainStep;
    readonly spentMs: number;
    readonly isProbe: boolean;
  },
): Drafts {
  const calibrated = Array.from(
    drafts,
    ([sequence, { tree }]) => acceptanceOf(drafting, sequence).calibrate(tree),
  );
  const all = calibrated.flatMap((probabilities) => [...probabilities]).sort((a, b) => b - a);
  const best = chooseNodes(costsOf(drafting), step, spentMs, all);
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
