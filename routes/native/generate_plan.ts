/**
 * From a native request to the generations it stands for: batches, per-prompt values, copies.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { GenerationRequest } from "../../runtime/contracts/generation.ts";
import { defaultSamplingParams, type SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { compileStopRegexes } from "../../runtime/contracts/stop_regex.ts";
import { cacheKeysOf } from "../generation/cache_keys.ts";
import type { RouteContext } from "../generation/context.ts";
import { checkHiddenStates, hiddenStatesOf } from "../generation/hidden_states.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { Slices } from "../answers/slices.ts";
import { checkGenerations, newId } from "../generation/openai.ts";
import { checkVocabulary, idsOf, perPrompt, promptsOf, promptTokens } from "../generation/prompt.ts";
import { copiesOf } from "../generation/run.ts";
import { constraintOf, type OutputFormat, outputFormatOf } from "../generation/structured_output.ts";
import { speculationOf } from "../generation/speculation.ts";
import {
  checkMinTokens,
  type EndpointParams,
  seedOf,
  stopRegexesOf,
  toSamplingParams,
} from "../generation/sampling_fields.ts";
import type { generateRequest, nativeSampling } from "../schema/generate.ts";

/** A native request after validation. */
export type GenerateRequest = z.infer<typeof generateRequest>;

type NativeSampling = Partial<z.infer<typeof nativeSampling>>;

/** Plan of a native request: its generations, prompt by prompt, the copies of a prompt together. */
export interface Plan {
  /** The answer is a list: a batch, or more than one copy. */
  readonly isList: boolean;
  readonly requests: readonly GenerationRequest[];
}

/**
 * Resolves a native request.
 *
 * @throws {InvalidRequestError} if prompts are missing or too long, or lists do not fit the batch
 */
export async function planOf(
  body: GenerateRequest,
  context: RouteContext,
  signal: AbortSignal,
): Promise<Plan> {
  const { generator } = context;
  const param = body.text === undefined ? "input_ids" : "text";
  if (body.text !== undefined && body.input_ids !== undefined) {
    throwInvalidField("input_ids", "text is given too");
  }
  const { isBatch, prompts } = promptsOf(
    body.text ?? body.input_ids ?? throwInvalidField("text", "neither text nor input_ids is given"),
  );

  const samplings = perPrompt<NativeSampling>(body.sampling_params ?? {}, prompts.length, "sampling_params");
  const wanted = perPrompt(body.return_logprob ?? false, prompts.length, "return_logprob");
  const starts = perPrompt(body.logprob_start_len ?? -1, prompts.length, "logprob_start_len");
  const numTops = perPrompt(body.top_logprobs_num ?? 0, prompts.length, "top_logprobs_num");
  const logprobTokens = logprobTokensOf(body.token_ids_logprob, prompts.length);
  logprobTokens.forEach((ids) => checkVocabulary(ids, generator.model, "token_ids_logprob"));
  const states = perPrompt(body.return_hidden_states ?? false, prompts.length, "return_hidden_states");
  const rids = body.rid === undefined ? [] : idsOf(body.rid, isBatch, prompts.length);
  const cacheKeys = cacheKeysOf(body, prompts.length);
  const n = samplings[0]?.n ?? 1;
  checkGenerations(prompts.length, n);

  if (samplings.some((fields) => (fields.n ?? 1) !== n)) {
    throwInvalidField("sampling_params", "n differs within the batch");
  }
  // Together: a batch may not bring thousands of expressions to compile.
  compileStopRegexes([...new Set(samplings.flatMap(stopRegexesOf))]);
  const formats = await formatsOf(body.sampling_params, prompts.length);
  const encoded = await promptTokens(generator, prompts, param, signal);
  const requests = encoded.flatMap((tokens, i) => {
    const fields = samplings[i] ?? {};
    const logprobs = wanted[i]
      ? {
        numLogprobs: numTops[i] ?? 0,
        promptLogprobStart: startOf(starts[i] ?? -1, tokens.length),
        logprobTokens: logprobTokens[i]!,
      }
      : { numLogprobs: -1, promptLogprobStart: -1 };
    return copiesOf(
      rids[i] ?? newId("gen"),
      tokens,
      n,
      nativeSamplingOf(fields, logprobs, tokens.length, context),
      { ...cacheKeys[i], ...constraintOf(formats[i]), ...speculationOf(body), ...hiddenStatesOf(states[i]) },
    );
  });
  checkHiddenStates(requests, generator);
  return { isList: isBatch || n > 1, requests };
}

/** What the output of each prompt must match. */
async function formatsOf(
  fields: GenerateRequest["sampling_params"],
  numPrompts: number,
): Promise<readonly (OutputFormat | undefined)[]> {
  if (!Array.isArray(fields)) {
    return new Array(numPrompts).fill(outputFormatOf(fields ?? {}, "sampling_params."));
  }
  const formats: (OutputFormat | undefined)[] = [], slices = new Slices();
  for (const [i, own] of fields.entries()) {
    formats.push(outputFormatOf(own, `sampling_params[${i}].`));
    await slices.yieldTurn();
  }
  return formats;
}

/** Ids by prompt, the first of a list decides whether it is one for all. */
function logprobTokensOf(
  ids: GenerateRequest["token_ids_logprob"] = [],
  numPrompts: number,
): readonly (readonly number[])[] {
  if (typeof ids === "number") return new Array(numPrompts).fill([ids]);
  const isForEach = (ids: readonly unknown[]): ids is readonly number[][] => Array.isArray(ids[0]);
  return isForEach(ids)
    ? perPrompt<number[]>(ids, numPrompts, "token_ids_logprob")
    : new Array(numPrompts).fill(ids);
}

/** First prompt position to report; none where the list would be empty. */
function startOf(start: number, numPromptTokens: number): number {
  if (start > numPromptTokens) {
    throwInvalidField("logprob_start_len", `${start} is beyond the ${numPromptTokens} prompt tokens`);
  }
  return start === numPromptTokens ? -1 : start;
}

function nativeSamplingOf(
  fields: NativeSampling,
  logprobs: Pick<EndpointParams, "numLogprobs" | "promptLogprobStart" | "logprobTokens">,
  numPromptTokens: number,
  { generator: { model }, nextSeed }: RouteContext,
): (copy: number) => SamplingParams {
  const room = model.contextLength - numPromptTokens;
  const { max_new_tokens: limit } = fields;
  if (typeof limit === "number" && limit > room && !model.allowAutoTruncate) {
    const total = numPromptTokens + limit;
    throwInvalidField(
      "max_new_tokens",
      `Requested token count exceeds the model's maximum context length of ${model.contextLength} tokens. You requested a ` +
        `total of ${total} tokens: ${numPromptTokens} tokens from the input and ${limit} tokens for the completion`,
      "context_length",
    );
  }
  // Null is "until the context is full".
  const asked = limit === null ? room : limit ?? defaultSamplingParams.maxTokens;
  const maxTokens = Math.min(asked, room);
  const minTokens = fields.min_new_tokens ?? 0;
  checkMinTokens(minTokens, asked, "min_new_tokens");
  const own = { ...logprobs, maxTokens, minTokens: Math.min(minTokens, maxTokens), seed: 0 };
  const sampling = toSamplingParams(fields, own, model);
  return (copy) => ({ ...sampling, seed: seedOf(fields.sampling_seed, copy, nextSeed) });
}
