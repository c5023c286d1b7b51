/**
 * Drafts in the scheduler: asks the policy, reserves KV slots for the nodes, and hands over what is to be verified.
 *
 * @module
 */
import { emptyTree } from "../contracts/draft_tree.ts";
import type { Draft, Drafted, DraftRequest } from "../messages/scheduler_drafter.ts";
import { bookDraft } from "../sequences/draft_extend.ts";
import { growPages, reservePages } from "../sequences/pages.ts";
import { numOutputTokens, type Sequence } from "../sequences/sequence.ts";
import { decodingOf, draftableOf, draftLoadOf, stepLoadOf } from "./draft_load.ts";
import { type Drafts, type DraftStep, isBusy, type SchedulingState, type SequenceDraft } from "./state.ts";

/** Plans the drafts of the next step and reserves their slots; undefined if it is to be a plain one. */
export function planDraft(state: SchedulingState): DraftStep | undefined {
  const { policy } = state;
  if (policy === undefined || isBusy(state) || state.pauseMode !== undefined) return undefined;
  const load = state.draftLoad = draftLoadOf(state), plan = policy.plan(load);
  if (plan === undefined) return undefined;
  const decoding = decodingOf(state), draftable = draftableOf(decoding);
  for (const sequence of state.running) growPages(state, sequence);
  const maxNodes = nodesPerSequence(state, decoding, draftable.length);
  const requests: DraftRequest[] = [], sequences: Sequence[] = [], candidates: number[] = [];
  for (const candidate of plan.candidates) {
    const sequence = draftable[candidate]!;
    const request = requestFor(state, sequence, plan.numLevels, maxNodes);
    if (request === undefined) continue;
    requests.push(request);
    sequences.push(sequence);
    candidates.push(candidate);
  }
  if (requests.length === 0) return undefined;
  const draft: Draft = { type: "draft", step: state.numSteps + 1, requests };
  return state.draftInFlight = { draft, sequences, candidates, plan };
}

/**
 * Takes the drafts in flight and returns the trees to verify, by sequence; a tree is empty where the drafter had none
 * or none of its nodes pays.
 *
 * @param draftMs from the plan until the drafts are here, messages included
 * @throws {RangeError} if they are another step's
 */
export function takeDrafts(
  state: SchedulingState,
  { step: stepNumber, trees, numRead }: Drafted,
  draftMs: number,
): Drafts {
  const { policy, draftInFlight, config: { pageSize } } = state;
  if (policy === undefined || draftInFlight?.draft.step !== stepNumber) {
    throw new RangeError(
      `Cannot take drafts of step ${stepNumber}: ${draftInFlight?.draft.step ?? "none"} are awaited`,
    );
  }
  state.draftInFlight = state.draftLoad = undefined;
  state.draftMs += draftMs;
  state.numDrafts++;
  const { sequences, candidates, draft: { requests }, plan } = draftInFlight, decoding = decodingOf(state);
  sequences.forEach((sequence, i) => {
    const { start, tokens } = requests[i]!;
    bookDraft(sequence, { numDrafted: start + tokens.length, numDraftKv: numRead[i]!, pageSize });
  });
  const drafted = {
    candidates,
    // A sequence that was cancelled meanwhile has no use for its tree.
    trees: trees.map((tree, i) => state.running.includes(sequences[i]!) ? tree : emptyTree),
    draftMs,
    load: stepLoadOf(state, decoding),
  };
  policy.observe({ type: "drafted", plan, drafted });
  const selected = policy.select(plan, drafted), drafts = new Map<Sequence, SequenceDraft>();
  sequences.forEach((sequence, i) => {
    if (!state.running.includes(sequence)) return;
    drafts.set(sequence, {
      tree: selected[i]!,
      numLevels: requests[i]!.numSteps,
      numDecoding: decoding.length,
      isSampled: sequence.sampling.temperature > 0,
      draftMs,
    });
  });
  return drafts;
}

/** Nodes that each of `numTrees` may have, so that the forward has room for all that decode and for a prompt. */
function nodesPerSequence(
  { config, running }: SchedulingState,
  decoding: readonly Sequence[],
  numTrees: number,
): number {
  const numRows = decoding.reduce((sum, { tokens, numComputed }) => sum + tokens.length - numComputed, 0);
  const numOthers = running.length - decoding.length;
  const room = Math.min(config.maxRows - numRows, config.maxOutputs - decoding.length) - numOthers;
  return Math.max(0, Math.min(Math.floor(room / numTrees), config.drafting!.numNodes));
}

/** Request to the drafter for one sequence; undefined if no draft of it could be used. */
function requestFor(
  state: SchedulingState,
  sequence: Sequence,
  numLevels: number,
  maxNodes: number,
): DraftRequest | undefined {
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
    topk: state.config.drafting!.topk,
    numNodes,
  };
}
