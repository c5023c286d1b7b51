/**
 * What follows from a forward's results: tokens go out, sequences grow or end.
 *
 * @module
 */
import type { FinishReason, Forwarded, SegmentResult, TokenLogprob } from "../messages.ts";
import { sharePages } from "./pages.ts";
import { finish } from "./requests.ts";
import { numOutput, type Sequence } from "./sequence.ts";
import { newOutcome, type Outcome, type State } from "./state.ts";

/**
 * Takes the results of the step in flight.
 *
 * @throws {RangeError} if they are not of that step
 */
export function commit(state: State, forwarded: Forwarded): Outcome {
  const step = state.inFlight;
  if (step?.forward.step !== forwarded.step) {
    throw new RangeError(`Cannot commit step ${forwarded.step}: in flight is ${step?.forward.step}`);
  }
  state.inFlight = undefined;
  const outcome = newOutcome();
  step.sequences.forEach((sequence, i) => {
    const segment = step.forward.segments[i]!;
    sequence.numComputed += segment.tokens.length;
    if (sequence.cancelled) {
      finish(state, sequence, { type: "abort", message: "Abort requested by the client" }, outcome);
    } else {
      commitSegment(state, sequence, forwarded.results[i]!, outcome);
    }
  });
  return outcome;
}

function commitSegment(state: State, sequence: Sequence, result: SegmentResult, outcome: Outcome): void {
  const isFirst = numOutput(sequence) === 0;
  if (isFirst) sharePages(state, sequence);
  sequence.promptLogprobs.push(...result.promptLogprobs ?? []);
  const { tokens, reason } = appendTokens(state, sequence, result.tokens);
  const isLast = reason !== undefined;
  const promptLogprobs = isFirst && (tokens.length > 0 || isLast) ? sequence.promptLogprobs : [];
  if (tokens.length > 0 || promptLogprobs.length > 0) {
    outcome.messages.push({
      type: "tokens",
      requestId: sequence.requestId,
      tokens: Int32Array.from(tokens),
      ...logprobsOf(result, tokens.length),
      ...promptLogprobs.length > 0 && { promptLogprobs },
    });
  }
  if (isLast) finish(state, sequence, reason, outcome);
}

/** Appends drawn tokens up to the one that ends the sequence, as plain decoding would. */
function appendTokens(
  state: State,
  sequence: Sequence,
  drawn: Int32Array,
): { tokens: number[]; reason: FinishReason | undefined } {
  const tokens: number[] = [];
  let reason = finishReason(state, sequence);
  for (const token of drawn) {
    if (reason) break;
    tokens.push(token);
    sequence.tokens.push(token);
    state.numGenerated++;
    reason = finishReason(state, sequence, token);
  }
  return { tokens, reason };
}

/** Why a sequence ends after its last token, if it does. */
function finishReason({ config }: State, sequence: Sequence, token?: number): FinishReason | undefined {
  const { sampling, maxTokens } = sequence;
  if (token !== undefined && !sampling.ignoreEos) {
    if (config.eosTokenIds.includes(token) || sampling.stopTokenIds.includes(token)) {
      return { type: "stop", matched: token };
    }
  }
  const isPromptDone = sequence.numComputed >= sequence.numPrompt;
  return isPromptDone && numOutput(sequence) >= maxTokens ? { type: "length", length: maxTokens } : undefined;
}

function logprobsOf({ logprobs }: SegmentResult, count: number): { logprobs?: readonly TokenLogprob[] } {
  return logprobs ? { logprobs: logprobs.slice(0, count) } : {};
}
