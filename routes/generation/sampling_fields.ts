/**
 * From request fields to {@linkcode SamplingParams}.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import { defaultSamplingParams, type SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { compileStopRegexes } from "../../runtime/contracts/stop_regex.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { checkVocabulary } from "./prompt.ts";
import type { samplingFields } from "../schema/fields.ts";

/** The fields all generating endpoints share, after validation. */
export type SamplingFields = Partial<z.infer<typeof samplingFields>>;

/** Parameters that each endpoint family names or limits in its own way. */
export type EndpointParams =
  & Pick<SamplingParams, "maxTokens" | "minTokens" | "seed" | "numLogprobs" | "promptLogprobStart">
  & Partial<Pick<SamplingParams, "numPromptLogprobs" | "promptRanks" | "logprobTokens">>;

/** Below this temperature the draw is greedy (SGLang's rule). */
const greedyBelow = 1e-6;

/**
 * Sampling parameters of one generation.
 *
 * @throws {InvalidRequestError} if a token id is outside the vocabulary, or a `stop_regex` is not served
 */
export function toSamplingParams(
  fields: SamplingFields,
  own: EndpointParams,
  model: ModelInfo,
): SamplingParams {
  const defaults = { ...defaultSamplingParams, ...model.samplingDefaults };
  const temperature = fields.temperature ?? defaults.temperature;
  const topP = fields.top_p ?? defaults.topP, topK = fields.top_k ?? defaults.topK;
  const isGreedy = temperature < greedyBelow || topP === 0;
  const logitBias = Object.entries(fields.logit_bias ?? {}).map(([id, bias]) => [Number(id), bias] as const);
  const stopTokenIds = fields.stop_token_ids ?? defaults.stopTokenIds;
  const stopRegex = stopRegexesOf(fields);
  compileStopRegexes(stopRegex);
  checkVocabulary(logitBias.map(([id]) => id), model, "logit_bias");
  checkVocabulary(stopTokenIds, model, "stop_token_ids");
  return {
    numPromptLogprobs: defaults.numPromptLogprobs,
    promptRanks: defaults.promptRanks,
    logprobTokens: defaults.logprobTokens,
    ...own,
    temperature: isGreedy ? 0 : temperature,
    topK: topK >= model.vocabSize || topK === -1 ? 0 : topK,
    // Probability 0 is that of the most probable token alone.
    topP: topP || defaultSamplingParams.topP,
    minP: fields.min_p ?? defaults.minP,
    frequencyPenalty: fields.frequency_penalty ?? defaults.frequencyPenalty,
    presencePenalty: fields.presence_penalty ?? defaults.presencePenalty,
    repetitionPenalty: fields.repetition_penalty ?? defaults.repetitionPenalty,
    logitBias,
    stopTokenIds,
    ignoreEos: fields.ignore_eos ?? defaults.ignoreEos,
    stop: [fields.stop ?? defaults.stop].flat().filter((text) => text !== ""),
    stopRegex,
    noStopTrim: fields.no_stop_trim ?? defaults.noStopTrim,
    skipSpecialTokens: fields.skip_special_tokens ?? defaults.skipSpecialTokens,
  };
}

/** The expressions that end a generation; an empty one stands for none. */
export function stopRegexesOf({ stop_regex: patterns = [] }: SamplingFields): string[] {
  return [patterns].flat().filter((pattern) => pattern !== "");
}

/** The seed of copy `copy` of a prompt: copies of one seeded request must differ. */
export function seedOf(seed: bigint | undefined, copy: number, nextSeed: () => number): number | bigint {
  return seed === undefined ? nextSeed() : BigInt.asIntN(64, seed + BigInt(copy));
}

/** Refuses a minimum above the maximum; both are as the client gave them. */
export function checkMinTokens(min: number, max: number, param: string): void {
  if (min > max) throwInvalidField(param, `${min} is more than the ${max} tokens the generation may have`);
}
