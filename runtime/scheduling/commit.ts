/**
 * Takes in what a step yielded.
 *
 * @module
 */
import type { SchedulerConfig } from "../contracts/config.ts";
import type { FinishReason } from "../contracts/outputs.ts";
import type { Tokens } from "../messages/engine_scheduler.ts";
import type { Forwarded, Segment, SegmentResult } from "../messages/scheduler_verifier.ts";
import { observeStepEnd } from "./departures.ts";
import { aborted, endSequence, type SchedulerEvent } from "./ending.ts";
import { observeDraft, observeStep, type SequenceDraft } from "./draft_experience.ts";
import type { ComputedRows } from "./forward_times.ts";
import { sharePages, trimPages } from "./pages.ts";
import { isPrefilling, numOutputTokens, type Sequence } from "./sequence.ts";
import type { SchedulingState } from "./state.ts";
import { observe } from "./step_time.ts";

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
  observe(state.stepTimes, inFlight.work, roundTripMs);
  const { min, decay } = state.reserveRatioBounds;
  state.reserveRatio = Math.max(min, state.reserveRatio - decay);
  const { segments } = inFlight.forward;
  if (state.drafting !== undefined && inFlight.numPrefilling === 0) {
    const hadDrafts = inFlight.drafts.size > 0;
    observeStep(state.drafting, segments.map(computedRows), { forwardMs, roundTripMs, hadDrafts });
  }
  const events: SchedulerEvent[] = [], numBefore = state.generatedTokens;
  segments.forEach((segment, i) => {
    const sequence = inFlight.sequences[i]!, draft = inFlight.drafts.get(sequence);
    commitSegment(state, sequence, { segment, draft, result: results[i]! }, events);
  });
  const numTokens = state.generatedTokens - numBefore;
  observeStepEnd(state.departures, { ms: stepMs, numSequences: segments.length, numTokens });
  return events;
}

/** What a sequence did in a step. */
interface SegmentOutcome {
  readonly segment: Segment;
  readonly draft: SequenceDraft | undefined;
  readonly result: SegmentResult;
}

/** Adds to `events` what there is to tell. */
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
  if (wasPrefilling) sharePages(state, sequence);
  takePromptLogprobs(sequence, result);
  if (!segment.sample) return;
  const numBefore = sequence.tokens.length;
  const end = appendTokens(state.config, sequence, result.tokens);
  const numTaken = sequence.tokens.length - numBefore;
  state.generatedTokens += numTaken;
  if (!wasPrefilling) takeDraft(state, sequence, outcome, numTaken);
  const news = newsOf(sequence, result, numTaken);
  if (news !== undefined) events.push(news);
  if (end !== undefined) events.push(...endSequence(state, sequence, end));
}

function takePromptLogprobs(sequence: Sequence, { promptLogprobs = [] }: SegmentResult): void {
  sequence.promptLogprobs?.push(...promptLogprobs);
  sequence.nextPromptLogprob += promptLogprobs.length;
}

/** Appends drawn tokens up to the first that ends the sequence; says whether one does. */
function appendTokens(
  config: SchedulerConfig,
  sequence: Sequence,
  drawn: Int32Array,
): FinishReason | undefined {
  let end = lengthReached(sequence);
  for (let i = 0; end === undefined && i < drawn.length; i++) {
    sequence.tokens.push(drawn[i]!);
    end = stopAt(config, sequence, drawn[i]!) ?? lengthReached(sequence);
  }
  return end;
}

/** Books what became of the drafts of a decode step that yielded `numTaken` tokens. */
function takeDraft(
  state: SchedulingState,
  sequence: Sequence,
  { segment, draft, result }: SegmentOutcome,
  numTaken: number,
): void {
  // All tokens drawn but the last were drafts, and their KV is computed.
  if (segment.tree) sequence.numComputed += Math.min(numTaken, result.tokens.length - 1);
  trimPages(state, sequence);
  if (state.drafting !== undefined) observeDraft(state.drafting, { sequence, draft, numTaken, result });
}

function newsOf(
  sequence: Sequence,
  { tokens, logprobs }: SegmentResult,
  numTaken: number,
): Tokens | undefined {
  const { requestId, promptLogprobs, queueMs, sampling } = sequence;
  sequence.promptLogprobs = undefined;
  const next = sampling.maxTokens === 0 && sampling.logprobTokens.length > 0 ? logprobs?.[0] : undefined;
  if (numTaken === 0 && promptLogprobs === undefined && next === undefined) return undefined;
  return {
    type: "tokens",
    requestId,
    tokens: numTaken === tokens.length ? tokens : tokens.slice(0, numTaken),
    ...(logprobs && { logprobs: logprobs.slice(0, numTaken) }),
    ...(next && { next }),
    ...(promptLogprobs && { promptLogprobs }),
    ...(numOutputTokens(sequence) === numTaken && queueMs !== undefined && { queueMs }),
  };
}

function lengthReached(sequence: Sequence): FinishReason | undefined {
  const length = numOutputTokens(sequence);
  return length >= sequence.maxTokens ? { type: "length", length } : undefined;
}

function stopAt(config: SchedulerConfig, { sampling }: Sequence, token: number): FinishReason | undefined {
  if (sampling.ignoreEos) return undefined;
  const stops = config.eosTokenIds.includes(token) || sampling.stopTokenIds.includes(token);
  return stops ? { type: "stop", matched: token } : undefined;
}

function computedRows({ start, tokens, tree }: Segment): ComputedRows {
  return { numRows: tokens.length + (tree?.tokens.length ?? 0), numContextTokens: start + tokens.length };
}
