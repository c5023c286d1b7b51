/**
 * Takes in what a step yielded.
 *
 * @module
 */
import type { SchedulerConfig } from "../config.ts";
import type { FinishReason, Forwarded, Segment, SegmentResult, Tokens } from "../messages.ts";
import { aborted, endSequence, type SchedulerEvent } from "./ending.ts";
import { sharePages } from "./pages.ts";
import { isPrefilling, numOutputTokens, type Sequence } from "./sequence.ts";
import { reserveRatioBounds, type SchedulingState } from "./state.ts";

/** Weight of the newest step in `meanForwardMs`. */
const MEAN_WEIGHT = 1 / 8;

/**
 * Books the outcome of the step in flight: tokens, finished sequences, pages for the radix cache.
 *
 * @throws {RangeError} if it is another step's
 */
export function commit(state: SchedulingState, { step, results, forwardMs }: Forwarded): SchedulerEvent[] {
  const { inFlight } = state;
  if (inFlight?.forward.step !== step) {
    throw new RangeError(`Cannot commit step ${step}: step ${inFlight?.forward.step ?? "none"} is in flight`);
  }
  state.inFlight = undefined;
  state.meanForwardMs += MEAN_WEIGHT * (forwardMs - state.meanForwardMs);
  state.reserveRatio = Math.max(reserveRatioBounds.min, state.reserveRatio - reserveRatioBounds.decay);
  return inFlight.forward.segments.flatMap((segment, i) =>
    commitSegment(state, inFlight.sequences[i]!, segment, results[i]!)
  );
}

function commitSegment(
  state: SchedulingState,
  sequence: Sequence,
  segment: Segment,
  result: SegmentResult,
): SchedulerEvent[] {
  const wasPrefilling = isPrefilling(sequence);
  sequence.numComputed += segment.tokens.length;
  if (sequence.cancelled) return endSequence(state, sequence, aborted);
  if (wasPrefilling) sharePages(state, sequence);
  takePromptLogprobs(sequence, result);
  return segment.sample ? takeTokens(state, sequence, result) : [];
}

function takePromptLogprobs(sequence: Sequence, { promptLogprobs = [] }: SegmentResult): void {
  sequence.promptLogprobs?.push(...promptLogprobs);
  sequence.nextPromptLogprob += promptLogprobs.length;
}

/** Appends drawn tokens up to the first that ends the sequence. */
function takeTokens(state: SchedulingState, sequence: Sequence, result: SegmentResult): SchedulerEvent[] {
  const { config } = state;
  const { requestId, tokens, promptLogprobs } = sequence;
  let end = lengthReached(sequence);
  let numTaken = 0;
  while (end === undefined && numTaken < result.tokens.length) {
    const token = result.tokens[numTaken++]!;
    tokens.push(token);
    end = stopAt(config, sequence, token) ?? lengthReached(sequence);
  }
  state.generatedTokens += numTaken;
  sequence.promptLogprobs = undefined;
  const news: Tokens = {
    type: "tokens",
    requestId,
    tokens: result.tokens.slice(0, numTaken),
    ...(result.logprobs && { logprobs: result.logprobs.slice(0, numTaken) }),
    ...(promptLogprobs && { promptLogprobs }),
  };
  return [
    ...(numTaken > 0 || promptLogprobs ? [news] : []),
    ...(end === undefined ? [] : endSequence(state, sequence, end)),
  ];
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
