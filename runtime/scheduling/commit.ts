/**
 * Applies the result of a forward to the state.
 *
 * @module
 */
import { observeStepEnd } from "../admission/departures.ts";
import { lowerReserve } from "../admission/reserve.ts";
import type { FinishReason } from "../contracts/outputs.ts";
import type { Tokens } from "../messages/engine_scheduler.ts";
import type { Forwarded, Segment, SegmentResult } from "../messages/scheduler_verifier.ts";
import { acceptPath, type DraftTree, emptyTree } from "../contracts/draft_tree.ts";
import { countVerification, nodesByDepth, zeroCounts } from "../contracts/speculation_counts.ts";
import { appendTokens } from "../sequences/append.ts";
import { isPooled, keepRows, poolRows, statesByToken } from "../sequences/hidden_states.ts";
import { sharePages, trimPages } from "../sequences/pages.ts";
import { isPrefilling, numOutputTokens, type Sequence } from "../sequences/sequence.ts";
import type { ComputedRows, VerifiedDraft } from "../contracts/draft_policy.ts";
import type { SpeculationRound } from "../contracts/speculation_round.ts";
import { addWork, observeStepTime, type StepWork, type Work } from "../step_time/step_time.ts";
import { aborted, endSequence, failSequence, type SchedulerEvent } from "./ending.ts";
import type { SchedulingState, SequenceDraft, Step } from "./state.ts";

/**
 * Books the outcome of the step in flight: tokens, finished sequences, pages for the radix cache.
 *
 * @param roundTripMs from the command to its outcome, the native forward included
 * @param stepMs from the outcome before, if the step followed it at once, or from the plan
 * @throws {RangeError} if it is another step's
 */
export function commit(
  state: SchedulingState,
  { step, results, forwardMs }: Forwarded,
  roundTripMs: number = forwardMs,
  stepMs: number = roundTripMs,
): SchedulerEvent[] {
  const { inFlight } = state;
  if (inFlight?.forward.step !== step) {
    throw new RangeError(`Cannot commit step ${step}: step ${inFlight?.forward.step ?? "none"} is in flight`);
  }
  state.inFlight = undefined;
  state.forwardMs += forwardMs;
  if (inFlight.numPrefilling > 0) {
    state.prefillForwardMs += forwardMs;
    state.prefillTokens += inFlight.numPrefillRows;
  }
  observeStepTime(state.stepTimes, workDone(inFlight, results), roundTripMs);
  lowerReserve(state.reserve);
  observeDrafts(state, inFlight, { results, forwardMs, roundTripMs });
  const { segments } = inFlight.forward;
  const events: SchedulerEvent[] = [], numBefore = state.generatedTokens;
  segments.forEach((segment, i) => {
    const sequence = inFlight.sequences[i]!, draft = inFlight.drafts.get(sequence);
    commitSegment(state, sequence, { segment, draft, result: results[i]!, forwardMs }, events);
  });
  const numTokens = state.generatedTokens - numBefore;
  observeStepEnd(state.departures, { ms: stepMs, numSequences: segments.length, numTokens });
  return events;
}

/** The tree that was verified for a segment: that of the step, or what the matcher made of it. */
export function verifiedTree({ tree }: Segment, result: SegmentResult): DraftTree {
  return result.tree ?? tree ?? emptyTree;
}

/** What a step computed: what was planned, save for nodes that the matcher took away or added. */
function workDone(
  { work, forward: { segments } }: Step,
  results: readonly SegmentResult[],
): StepWork {
  const changes = segments.map((segment, i): Work => {
    const numMore = verifiedTree(segment, results[i]!).tokens.length - (segment.tree?.tokens.length ?? 0);
    return { numRows: numMore, numSeen: numMore * (segment.start + segment.tokens.length) };
  });
  return { ...work, decode: changes.reduce(addWork, work.decode) };
}

/** The drafts that were accepted of a tree: the matcher may have verified another one, with forced tokens. */
function acceptedDrafts(tree: DraftTree, result: SegmentResult): Int32Array {
  if (result.tree === undefined) return result.accepted;
  let numWalked = 0;
  return Int32Array.from(acceptPath(tree, () => result.tokens[numWalked++] ?? -1));
}

/** Lets the policy learn from a step. */
function observeDrafts(
  state: SchedulingState,
  { forward: { segments }, sequences, drafts, numPrefilling }: Step,
  { results, forwardMs, roundTripMs }: Pick<Forwarded, "results" | "forwardMs"> & {
    readonly roundTripMs: number;
  },
): void {
  const { policy, draftLoad: undrafted } = state;
  if (policy === undefined) return;
  const verified: VerifiedDraft[] = [];
  sequences.forEach((sequence, i) => {
    const draft = drafts.get(sequence), result = results[i]!;
    if (draft === undefined || sequence.cancelled || result.error !== undefined) return;
    verified.push({ ...draft, accepted: acceptedDrafts(draft.tree, result) });
  });
  const forward = numPrefilling > 0 ? undefined : {
    computed: segments.map((segment, i) => computedRows(segment, results[i]!)),
    forwardMs,
    roundTripMs,
    hadDrafts: drafts.size > 0,
  };
  policy.observe({ type: "stepped", undrafted, forward, verified });
  state.draftLoad = undefined;
}

/** Reason of the end of an embedding, which has no tokens. */
const embedded: FinishReason = { type: "length", length: 0 };

/** Outcome of a step for one sequence. */
interface SegmentOutcome {
  readonly segment: Segment;
  readonly draft: SequenceDraft | undefined;
  readonly result: SegmentResult;
  /** Of the whole step, milliseconds. */
  readonly forwardMs: number;
}

/** Applies the result of one sequence's rows; adds what happened to `events`. */
function commitSegment(
  state: SchedulingState,
  sequence: Sequence,
  outcome: SegmentOutcome,
  events: SchedulerEvent[],
): void {
  const { segment, result } = outcome;
  const wasPrefilling = isPrefilling(sequence);
  sequence.numComputed += segment.tokens.length;
  if (sequence.cancelled) {
    events.push(...endSequence(state, sequence, aborted));
    return;
  }
  if (result.error !== undefined) {
    events.push(...failSequence(state, sequence, result.error));
    return;
  }
  if (wasPrefilling) sharePages(state, sequence);
  takePromptLogprobs(sequence, result);
  takePromptStates(sequence, outcome);
  if (sequence.states !== undefined && isPooled(sequence.states)) {
    events.push(...endSequence(state, sequence, embedded));
  }
  if (!segment.sample) return;
  const numBefore = sequence.tokens.length;
  const end = appendTokens(sequence, result.tokens, state.config.eosTokenIds);
  const numTaken = sequence.tokens.length - numBefore;
  state.generatedTokens += numTaken;
  if (!wasPrefilling) bookDecode(state, sequence, outcome, numTaken);
  const output = outputOf(sequence, outcome, numTaken);
  if (output !== undefined) events.push(output);
  if (end !== undefined) events.push(...endSequence(state, sequence, end));
}

function takePromptLogprobs(sequence: Sequence, { promptLogprobs = [] }: SegmentResult): void {
  sequence.promptLogprobs?.push(...promptLogprobs);
  sequence.nextPromptLogprob += promptLogprobs.length;
}

/** Takes hidden states of a segment after which no token was drawn. */
function takePromptStates({ states }: Sequence, { segment, result }: SegmentOutcome): void {
  const { hiddenStates: wanted, sample } = segment, { hiddenStates: rows } = result;
  if (states === undefined || wanted === undefined || rows === undefined || sample) return;
  if (states.pooling === undefined) keepRows(states, rows, wanted.numRows);
  else poolRows(states, rows, wanted.numRows);
}

/** The hidden states of the tokens drawn, one entry each; undefined unless they are wanted. */
function takeTokenStates(
  { states }: Sequence,
  { segment, result }: SegmentOutcome,
): Float32Array[] | undefined {
  const { hiddenStates: wanted } = segment, { hiddenStates: rows, tokens, accepted } = result;
  if (states === undefined || wanted === undefined || rows === undefined) return undefined;
  return statesByToken(states, rows, wanted.numRows + accepted.length, tokens.length);
}

/** Books a decode step that yielded `numTaken` tokens, with drafts or without. */
function bookDecode(
  state: SchedulingState,
  sequence: Sequence,
  { segment, result }: SegmentOutcome,
  numTaken: number,
): void {
  // The KV of accepted drafts is computed.
  sequence.numComputed += Math.min(numTaken, result.accepted.length);
  trimPages(state, sequence);
  if (state.policy === undefined || !sequence.isSpeculative) return;
  const proposed = nodesByDepth(verifiedTree(segment, result));
  for (const counts of [state.speculation, sequence.speculation ??= zeroCounts()]) {
    countVerification(counts, proposed, Math.max(0, numTaken - 1));
  }
}

/** The event for the client; undefined if nothing came. */
function outputOf(sequence: Sequence, outcome: SegmentOutcome, numTaken: number): Tokens | undefined {
  const { tokens: drawn, logprobs } = outcome.result, states = takeTokenStates(sequence, outcome);
  const { requestId, promptLogprobs, queueMs, sampling } = sequence;
  sequence.promptLogprobs = undefined;
  const next = sampling.maxTokens === 0 && sampling.logprobTokens.length > 0 ? logprobs?.[0] : undefined;
  const isEmpty = promptLogprobs === undefined && next === undefined && states === undefined;
  if (numTaken === 0 && isEmpty) return undefined;
  const tokens = numTaken === drawn.length ? drawn : drawn.slice(0, numTaken);
  return {
    type: "tokens",
    requestId,
    tokens,
    ...(logprobs && { logprobs: logprobs.slice(0, numTaken) }),
    ...(next && { next }),
    ...(states && { hiddenStates: states.slice(0, Math.max(1, numTaken)) }),
    ...(promptLogprobs && { promptLogprobs }),
    ...(numOutputTokens(sequence) === numTaken && queueMs !== undefined && { queueMs }),
    ...(sequence.reportsRounds && numTaken > 0 && { round: roundOf(outcome, tokens) }),
  };
}

/** What the step did for a sequence; of the tokens drawn, the first, `tokens`, count. */
function roundOf(
  { segment, draft, result, forwardMs }: SegmentOutcome,
  tokens: Int32Array,
): SpeculationRound {
  return {
    tokens,
    tree: verifiedTree(segment, result),
    // A run that is cut inside the drafts has no token of the target's own.
    accepted: result.accepted.slice(0, tokens.length),
    draftMs: draft?.draftMs ?? 0,
    verifyMs: forwardMs,
  };
}

function computedRows(segment: Segment, result: SegmentResult): ComputedRows {
  const { start, tokens } = segment, numNodes = verifiedTree(segment, result).tokens.length;
  return { numRows: tokens.length + numNodes, numContextTokens: start + tokens.length };
}
