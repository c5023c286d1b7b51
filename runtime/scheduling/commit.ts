/**
 * Takes in what a step yielded.
 *
 * @module
 */
import { InvalidRequestError, toWireError } from "../errors.ts";
import type { FinishReason, Forwarded, Segment, SegmentResult, Tokens } from "../messages.ts";
import { aborted, endSequence, type SchedulerEvent } from "./ending.ts";
import { sharePages } from "./pages.ts";
import { isPrefilling, numOutputTokens, type Sequence } from "./sequence.ts";
import { poolTokens, reserveRatioBounds, type SchedulingState } from "./state.ts";

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
  if (sequence.nextPromptLogprob >= sequence.numPromptTokens) sequence.nextPromptLogprob = Infinity;
}

/** Appends drawn tokens up to the first that ends the sequence. */
function takeTokens(state: SchedulingState, sequence: Sequence, result: SegmentResult): SchedulerEvent[] {
  const { requestId, tokens, promptLogprobs } = sequence;
  let finish = lengthReached(sequence);
  let numTaken = 0;
  while (finish === undefined && numTaken < result.tokens.length) {
    const token = result.tokens[numTaken++]!;
    tokens.push(token);
    finish = stopAt(state, sequence, token) ?? lengthReached(sequence);
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
  const events: SchedulerEvent[] = numTaken > 0 || promptLogprobs ? [news] : [];
  if (finish !== undefined) return [...events, ...endSequence(state, sequence, finish)];
  if (tokens.length > poolTokens(state.config)) {
    return [...events, ...endSequence(state, sequence, poolExceeded(state, sequence))];
  }
  return events;
}

function lengthReached(sequence: Sequence): FinishReason | undefined {
  const length = numOutputTokens(sequence);
  return length >= sequence.maxTokens ? { type: "length", length } : undefined;
}

function stopAt(
  { config }: SchedulingState,
  { sampling }: Sequence,
  token: number,
): FinishReason | undefined {
  if (sampling.ignoreEos) return undefined;
  const stops = config.eosTokenIds.includes(token) || sampling.stopTokenIds.includes(token);
  return stops ? { type: "stop", matched: token } : undefined;
}

function poolExceeded({ config }: SchedulingState, { tokens }: Sequence) {
  const problem = `${tokens.length} tokens do not fit the KV pool of ${poolTokens(config)}`;
  return toWireError(new InvalidRequestError(`Cannot continue request: ${problem}`));
}
