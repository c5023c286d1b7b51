/**
 * Sampling of one answer to a conversation, for the APIs that know neither copies nor logprobs.
 *
 * @module
 */
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { throwInvalidField } from "../answers/errors.ts";
import type { RouteContext } from "./context.ts";
import { type SamplingFields, seedOf, toSamplingParams } from "./sampling_fields.ts";

/** What an API says about the length of an answer, and its seed. */
export interface AnswerLimit {
  /** Tokens at most; undefined: what the context leaves. */
  readonly maxTokens: number | undefined;
  /** Field that refuses a limit that does not fit the context; without it the limit is cut. */
  readonly param?: string;
  readonly seed?: bigint | undefined;
}

/**
 * Sampling parameters once the length of the prompt is known.
 *
 * @throws {InvalidRequestError} if the tokens asked for do not fit the context
 */
export function answerSampling(
  fields: SamplingFields,
  { maxTokens, param, seed }: AnswerLimit,
  { generator: { model }, nextSeed }: RouteContext,
): (numPromptTokens: number) => (copy: number) => SamplingParams {
  return (numPromptTokens) => {
    const room = model.contextLength - numPromptTokens;
    if (param !== undefined && maxTokens !== undefined && maxTokens > room && !model.allowAutoTruncate) {
      throwInvalidField(
        param,
        `${maxTokens} is too large: the prompt leaves ${room} of ${model.contextLength} tokens`,
        "context_length",
      );
    }
    const own = {
      maxTokens: Math.min(maxTokens ?? Infinity, room),
      minTokens: 0,
      numLogprobs: -1,
      promptLogprobStart: -1,
      seed: 0,
    };
    const sampling = toSamplingParams(fields, own, model);
    return (copy) => ({ ...sampling, seed: seedOf(seed, copy, nextSeed) });
  };
}
