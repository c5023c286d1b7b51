/**
 * What the OpenAI endpoints have in common: model name, limits, usage, finish reasons.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import { AbortedError, AerieError } from "../../runtime/contracts/errors.ts";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import type { RouteContext } from "./context.ts";
import { clip, throwInvalidField } from "../answers/errors.ts";
import type { Output } from "./run.ts";
import { checkMinTokens, seedOf, toSamplingParams } from "./sampling_fields.ts";
import { toSpeculation } from "./speculation.ts";
import { maxGenerations, type openaiFields, type usage } from "../schema/fields.ts";

/** The shared fields of an OpenAI request, after validation. */
export type OpenaiFields = z.infer<typeof openaiFields>;

/** Refuses fields that do not fit each other or this server. */
export function checkOpenai(body: OpenaiFields, numPrompts: number, model: ModelInfo): void {
  checkModel(body.model, model);
  const { include_usage: wantsUsage, continuous_usage_stats: wantsStats } = body.stream_options ?? {};
  if ((wantsUsage || wantsStats) && !body.stream) {
    throwInvalidField("stream_options", "only allowed with stream, but for include_speculation");
  }
  if (body.prompt_logprobs !== undefined && body.stream) {
    throwInvalidField("prompt_logprobs", "not allowed with stream");
  }
  const n = body.n ?? 1;
  checkGenerations(numPrompts, n);
  if (body.best_of !== undefined && body.best_of !== n) {
    throwInvalidField(
      "best_of",
      `only /v1/completions chooses among copies, here it may be n, which is ${n}`,
    );
  }
}

/** Refuses requests that would start too many generations. */
export function checkGenerations(numPrompts: number, n: number, param = "n"): void {
  if (numPrompts * n > maxGenerations) {
    throwInvalidField(param, `${numPrompts * n} generations, at most ${maxGenerations} are allowed`);
  }
}

/**
 * Refuses a model that is not served.
 *
 * @throws {AerieError} with code `not_found`
 */
export function checkModel(name = "", { servedModelName, modelAliases }: ModelInfo): void {
  // SGLang's clients send "default" where they do not care, others nothing.
  if (["", "default", servedModelName, ...modelAliases].includes(name)) return;
  throw new AerieError("not_found", `Cannot find model ${clip(name)}: this server has ${servedModelName}`, {
    param: "model",
  });
}

/** Sampling of the copies of an OpenAI prompt. */
export interface OpenaiSampling {
  /** The limit as the client gave it and the field that did. */
  readonly limit: { readonly value: number; readonly param: string } | undefined;
  /** The limit where the client gave none; clipped to the context. */
  readonly defaultLimit: number;
  readonly numPromptTokens: number;
  readonly numLogprobs: number;
  readonly promptLogprobStart: number;
}

/**
 * Sampling parameters by copy.
 *
 * @throws {InvalidRequestError} if the tokens asked for do not fit the context
 */
export function openaiSampling(
  body: OpenaiFields,
  own: OpenaiSampling,
  { generator: { model }, nextSeed }: RouteContext,
): (copy: number) => SamplingParams {
  const { limit, numLogprobs, promptLogprobStart } = own;
  const room = model.contextLength - own.numPromptTokens;
  if (limit !== undefined && limit.value > room && !model.allowAutoTruncate) {
    throwInvalidField(
      limit.param,
      `max_completion_tokens is too large: ${limit.value}; the prompt leaves ${room} of ${model.contextLength} tokens`,
      "context_length",
    );
  }
  const maxTokens = Math.min(limit?.value ?? own.defaultLimit, room);
  const minTokens = minTokensOf(body, maxTokens);
  const { prompt_logprobs: numPrompt } = body;
  const prompt = numPrompt === undefined ? { promptLogprobStart } : {
    promptLogprobStart: 0,
    numPromptLogprobs: promptLogprobStart < 0 ? numPrompt : Math.max(numPrompt, numLogprobs),
    promptRanks: true,
  };
  const params = { maxTokens, minTokens, numLogprobs, seed: 0, ...prompt };
  const keepsStop = body.no_stop_trim || body.include_stop_str_in_output;
  const sampling = toSamplingParams({ ...body, no_stop_trim: keepsStop }, params, model);
  const seed = body.seed ?? body.sampling_seed;
  return (copy) => ({ ...sampling, seed: seedOf(seed, copy, nextSeed) });
}

/** What usage says beside the counts of tokens. */
export interface UsageOptions {
  /** Report tokens whose KV came from the cache. */
  readonly cacheReport: boolean;
  /** Report speculation. */
  readonly metaInfo?: boolean;
  /** Completion tokens that were reasoning. */
  readonly numReasoningTokens?: number;
}

/** Usage of a request whose outputs are prompt-major: each prompt counts once, each choice in full. */
export function toUsage(
  outputs: readonly Pick<Output, "usage">[],
  numCopies: number,
  { cacheReport, metaInfo = false, numReasoningTokens = 0 }: UsageOptions,
): z.infer<typeof usage> {
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  const prompts = outputs.filter((_, index) => index % numCopies === 0);
  const promptTokens = sum(prompts.map(({ usage }) => usage.numPromptTokens));
  const completionTokens = sum(outputs.map(({ usage }) => usage.numCompletionTokens));
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(cacheReport && {
      prompt_tokens_details: { cached_tokens: sum(prompts.map(({ usage }) => usage.numCachedTokens)) },
    }),
    ...(numReasoningTokens > 0 && {
      completion_tokens_details: { reasoning_tokens: numReasoningTokens },
      reasoning_tokens: numReasoningTokens,
    }),
    ...(metaInfo && toSpeculation(outputs.flatMap(({ usage }) => usage.speculation ?? []))),
  };
}

/** 0 is the default of both names. */
function minTokensOf({ min_tokens: min, min_new_tokens: alias }: OpenaiFields, maxTokens: number): number {
  if (min && alias && min !== alias) throwInvalidField("min_new_tokens", "differs from min_tokens");
  checkMinTokens(min || alias || 0, maxTokens, min ? "min_tokens" : "min_new_tokens");
  return min || alias || 0;
}

/**
 * The finish fields of a choice; both null while it runs.
 *
 * @throws {AbortedError} if it was aborted, for which OpenAI has no finish reason
 */
export function toFinish(
  finish: Output["finish"],
): { finish_reason: "stop" | "length" | null; matched_stop: number | string | null } {
  if (finish?.type === "abort") throw new AbortedError(finish.message);
  return {
    finish_reason: finish?.type ?? null,
    matched_stop: finish?.type === "stop" ? finish.matched : null,
  };
}

/** Seconds since 1970, as `created` has them. */
export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** A fresh request id. */
export function newId(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().replaceAll("-", "")}`;
}
