/**
 * `/v1/completions`.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, type z } from "@hono/zod-openapi";
import type { GenerationRequest, Generator } from "../../runtime/contracts/generation.ts";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { cacheKeysOf } from "../generation/cache_keys.ts";
import type { RouteContext } from "../generation/context.ts";
import { chosenOutputs, type Copies, copiesAsked } from "./best_of.ts";
import { type EncodedPrompt, fillInTheMiddleOf, promptsWithGap } from "./fill_in_the_middle.ts";
import { type Echo, LegacyLogprobs } from "./legacy_logprobs.ts";
import {
  checkGenerations,
  checkOpenai,
  newId,
  openaiSampling,
  toFinish,
  toUsage,
  unixSeconds,
} from "../generation/openai.ts";
import { type Prompt, promptsOf, promptTokens } from "../generation/prompt.ts";
import { toPromptLogprobs } from "../generation/prompt_logprobs.ts";
import { respond } from "../generation/respond.ts";
import { copiesOf, type Indexed, Output } from "../generation/run.ts";
import { speculationOf, toRounds } from "../generation/speculation.ts";
import { constraintOf, outputFormatOf } from "../generation/structured_output.ts";
import { generationContent, generationErrors, jsonBody } from "../answers/content.ts";
import { Slices } from "../answers/slices.ts";
import { completionRequest, completionResponse } from "../schema/completions.ts";

type CompletionRequest = z.infer<typeof completionRequest>;
type CompletionResponse = z.infer<typeof completionResponse>;

const route = createRoute({
  method: "post",
  path: "/v1/completions",
  summary: "Continue prompts",
  request: jsonBody(completionRequest),
  responses: { 200: generationContent(completionResponse, "The continuations"), ...generationErrors },
});

/** Adds the completions endpoint. */
export function addCompletions(app: OpenAPIHono, context: RouteContext): void {
  app.openapi(route, async (c) => {
    const body = c.req.valid("json");
    const { generator } = context;
    const { prompts } = promptsOf(body.prompt);
    checkCompletion(body, generator.model);
    const copies = copiesAsked(body);
    const id = body.rid ?? body.request_id ?? newId("cmpl");
    const cacheKeys = cacheKeysOf(body, prompts.length);
    const common = { ...constraintOf(outputFormatOf(body)), ...speculationOf(body) };
    const encoded = await completionTokens(generator, body, c.req.raw.signal);
    const choices = encoded.flatMap((prompt, index) => {
      const sampling = completionSampling(body, prompt.tokens.length, context);
      const echo = body.echo ? echoOf(prompts[index]!, prompt, generator) : undefined;
      return copiesOf(
        prompts.length === 1 ? id : `${id}-${index}`,
        prompt.tokens,
        copies.numGenerated,
        sampling,
        { ...cacheKeys[index], ...common },
      ).map((request) => ({ request, echo }));
    });
    const formatter = new CompletionFormatter(id, { body, choices, copies }, context);
    return await respond(c, context, choices.map(({ request }) => request), formatter);
  });
}

/**
 * Refuses fields that do not fit each other or this server.
 *
 * @throws {InvalidRequestError} naming the field at fault
 */
export function checkCompletion(body: CompletionRequest, model: ModelInfo): void {
  const { prompts } = promptsOf(body.prompt);
  checkOpenai({ ...body, best_of: undefined }, prompts.length, model);
  checkGenerations(prompts.length, copiesAsked(body).numGenerated, "best_of");
}

/**
 * Each prompt as the model sees it.
 *
 * @throws {InvalidRequestError} if a prompt is empty, too long, or has unknown tokens, or the model fills in no gap before
 * `suffix`
 */
export async function completionTokens(
  generator: Generator,
  { prompt, suffix = "", add_special_tokens: addSpecialTokens = true }: CompletionRequest,
  signal: AbortSignal,
): Promise<EncodedPrompt[]> {
  const { prompts } = promptsOf(prompt);
  if (suffix !== "") return await promptsWithGap(generator, prompts, suffix, { addSpecialTokens, signal });
  const encoded = await promptTokens(generator, prompts, "prompt", signal, { addSpecialTokens });
  return encoded.map((tokens) => ({ tokens, start: 0, end: tokens.length }));
}

/**
 * Sampling parameters of a prompt's continuation, by copy.
 *
 * @throws {InvalidRequestError} if the tokens asked for do not fit the context
 */
export function completionSampling(
  body: CompletionRequest,
  numPromptTokens: number,
  context: RouteContext,
): (copy: number) => SamplingParams {
  const { numGenerated, numAnswered } = copiesAsked(body);
  const { endTokenIds } = body.suffix ? fillInTheMiddleOf(context.generator.model) : { endTokenIds: [] };
  const sampling = openaiSampling(body, {
    limit: body.max_tokens === undefined ? undefined : { value: body.max_tokens, param: "max_tokens" },
    defaultLimit: 16,
    numPromptTokens,
    // The best copies are chosen by their logprobs.
    numLogprobs: body.logprobs ?? (numGenerated > numAnswered ? 0 : -1),
    promptLogprobStart: body.echo && body.logprobs !== undefined ? 0 : -1,
  }, context);
  return (copy) => {
    const own = sampling(copy);
    return endTokenIds.length === 0 ? own : { ...own, stopTokenIds: [...own.stopTokenIds, ...endTokenIds] };
  };
}

/** The prompt as the client gave it, without what stands around it and what is behind a gap. */
function echoOf(prompt: Prompt, { tokens, start, end }: EncodedPrompt, generator: Generator): Echo {
  const own = [...tokens.subarray(start, end)];
  const text = typeof prompt === "string" ? prompt : generator.decode(own, { skipSpecialTokens: false });
  return { text, tokens: own, start };
}

/** A generation, and what its text begins with. */
interface Choice {
  readonly request: GenerationRequest;
  readonly echo: Echo | undefined;
}

class CompletionFormatter {
  readonly stream: boolean;
  readonly #body: CompletionRequest;
  readonly #choices: readonly Choice[];
  readonly #copies: Copies;
  readonly #logprobs: readonly LegacyLogprobs[] | undefined;
  readonly #context: RouteContext;
  readonly #common: Pick<CompletionResponse, "id" | "object" | "created" | "model">;

  constructor(
    id: string,
    { body, choices, copies }: {
      readonly body: CompletionRequest;
      readonly choices: readonly Choice[];
      readonly copies: Copies;
    },
    context: RouteContext,
  ) {
    this.stream = body.stream ?? false;
    this.#body = body;
    this.#choices = choices;
    this.#copies = copies;
    this.#context = context;
    const { logprobs: numTop } = body, { generator } = context;
    if (numTop !== undefined) {
      this.#logprobs = choices.map(({ echo }) => new LegacyLogprobs(generator, { numTop, echo }));
    }
    const model = context.generator.model.servedModelName;
    this.#common = { id, object: "text_completion", created: unixSeconds(), model };
  }

  async whole(outputs: readonly Output[], slices: Slices): Promise<CompletionResponse> {
    const choices: CompletionResponse["choices"] = [];
    for (const [index, at] of chosenOutputs(outputs, this.#copies).entries()) {
      choices.push({ ...await this.#choice(at, outputs[at]!, true, slices), index });
      await slices.yieldTurn();
    }
    return { ...this.#common, choices, usage: this.#usage(outputs) };
  }

  /** Text by choice, the last chunk of each with its finish. Then the usage, if asked for. */
  async *events(chunks: AsyncIterable<Indexed<Output>>): AsyncGenerator<unknown> {
    const latest = this.#choices.map(() => new Output());
    const started = new Set<number>(), slices = new Slices();
    for await (const { index, value } of chunks) {
      latest[index] = value;
      const choice = await this.#choice(index, value, !started.has(index), slices);
      started.add(index);
      const usage = this.#body.stream_options?.continuous_usage_stats &&
        { usage: toUsage([value], 1, { cacheReport: this.#context.enableCacheReport }) };
      yield { ...this.#common, choices: [choice], ...usage };
    }
    if (this.#body.stream_options?.include_usage) {
      yield { ...this.#common, choices: [], usage: this.#usage(latest) };
    }
  }

  /** A choice, or the next chunk of it; the first begins with the echo. */
  async #choice(
    index: number,
    output: Output,
    isFirst: boolean,
    slices: Slices,
  ): Promise<CompletionResponse["choices"][number]> {
    const { request, echo } = this.#choices[index]!;
    const { return_token_ids: wantsTokens, prompt_logprobs: numTop } = this.#body;
    const { generator } = this.#context;
    const tokenBytes = (token: number) => generator.tokenBytes(token);
    return {
      index,
      text: (isFirst ? echo?.text ?? "" : "") + output.text,
      logprobs: await this.#logprobs?.[index]?.take(output, slices) ?? null,
      ...toFinish(output.finish),
      ...(numTop !== undefined && {
        prompt_logprobs: await toPromptLogprobs(output.promptLogprobs, numTop, tokenBytes, slices),
      }),
      ...(wantsTokens && isFirst && { prompt_token_ids: [...request.promptTokens] }),
      ...(wantsTokens && { token_ids: output.tokens }),
      ...await toRounds(this.#body, output.rounds, generator, slices),
    };
  }

  #usage(outputs: readonly Output[]): z.infer<typeof completionResponse>["usage"] {
    return toUsage(outputs, this.#copies.numGenerated, { cacheReport: this.#context.enableCacheReport });
  }
}
