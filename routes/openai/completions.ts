/**
 * `/v1/completions`.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, type z } from "@hono/zod-openapi";
import type { GenerationRequest, Generator } from "../../runtime/contracts/generation.ts";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { cacheKeysOf } from "../generation/cache_keys.ts";
import type { RouteContext } from "../generation/context.ts";
import { type Echo, LegacyLogprobs } from "./legacy_logprobs.ts";
import { checkOpenai, newId, openaiSampling, toFinish, toUsage, unixSeconds } from "../generation/openai.ts";
import { type Prompt, promptsOf, promptTokens } from "../generation/prompt.ts";
import { toPromptLogprobs } from "../generation/prompt_logprobs.ts";
import { respond } from "../generation/respond.ts";
import { copiesOf, type Indexed, Output } from "../generation/run.ts";
import { speculationOf, toRounds } from "../generation/speculation.ts";
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
    checkOpenai(body, prompts.length, generator.model);
    const id = body.rid ?? body.request_id ?? newId("cmpl");
    const n = body.n ?? 1;
    const cacheKeys = cacheKeysOf(body, prompts.length);
    const encoded = await completionTokens(generator, body, c.req.raw.signal);
    const requests = encoded.flatMap((tokens, index) => {
      const sampling = completionSampling(body, tokens.length, context);
      const common = { ...cacheKeys[index], ...speculationOf(body) };
      return copiesOf(prompts.length === 1 ? id : `${id}-${index}`, tokens, n, sampling, common);
    });
    const echoes = prompts.map((prompt, index) =>
      body.echo ? echoOf(prompt, requests[index * n]!.promptTokens, context) : undefined
    );
    const byChoice = requests.map((_, index) => echoes[Math.floor(index / n)]);
    return await respond(
      c,
      context,
      requests,
      new CompletionFormatter(id, body, requests, byChoice, context),
    );
  });
}

/**
 * Tokens of each prompt.
 *
 * @throws {InvalidRequestError} if a prompt is empty, too long, or has unknown tokens
 */
export async function completionTokens(
  generator: Generator,
  { prompt, add_special_tokens: addSpecialTokens = true }: CompletionRequest,
  signal: AbortSignal,
): Promise<Int32Array[]> {
  return await promptTokens(generator, promptsOf(prompt).prompts, "prompt", signal, { addSpecialTokens });
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
  return openaiSampling(body, {
    limit: body.max_tokens === undefined ? undefined : { value: body.max_tokens, param: "max_tokens" },
    defaultLimit: 16,
    numPromptTokens,
    numLogprobs: body.logprobs ?? -1,
    promptLogprobStart: body.echo && body.logprobs !== undefined ? 0 : -1,
  }, context);
}

function echoOf(prompt: Prompt, promptTokens: Int32Array, { generator }: RouteContext): Echo {
  const tokens = [...promptTokens];
  const text = typeof prompt === "string" ? prompt : generator.decode(tokens, { skipSpecialTokens: false });
  return { text, tokens };
}

class CompletionFormatter {
  readonly stream: boolean;
  readonly #body: CompletionRequest;
  /** By choice. */
  readonly #requests: readonly GenerationRequest[];
  /** By choice. */
  readonly #echoes: readonly (Echo | undefined)[];
  readonly #logprobs: readonly LegacyLogprobs[] | undefined;
  readonly #context: RouteContext;
  readonly #common: Pick<CompletionResponse, "id" | "object" | "created" | "model">;

  constructor(
    id: string,
    body: CompletionRequest,
    requests: readonly GenerationRequest[],
    echoes: readonly (Echo | undefined)[],
    context: RouteContext,
  ) {
    this.stream = body.stream ?? false;
    this.#body = body;
    this.#requests = requests;
    this.#echoes = echoes;
    this.#context = context;
    const { logprobs: numTop } = body, { generator } = context;
    if (numTop !== undefined) {
      this.#logprobs = echoes.map((echo) => new LegacyLogprobs(generator, { numTop, echo }));
    }
    const model = context.generator.model.servedModelName;
    this.#common = { id, object: "text_completion", created: unixSeconds(), model };
  }

  async whole(outputs: readonly Output[], slices: Slices): Promise<CompletionResponse> {
    const choices: CompletionResponse["choices"] = [];
    for (const [index, output] of outputs.entries()) {
      choices.push(await this.#choice(index, output, true, slices));
      await slices.yieldTurn();
    }
    return { ...this.#common, choices, usage: this.#usage(outputs) };
  }

  /** Text by choice, the last chunk of each with its finish. Then the usage, if asked for. */
  async *events(chunks: AsyncIterable<Indexed<Output>>): AsyncGenerator<unknown> {
    const latest = this.#echoes.map(() => new Output());
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
    const echo = isFirst ? this.#echoes[index]?.text ?? "" : "";
    const { return_token_ids: wantsTokens, prompt_logprobs: numTop } = this.#body;
    const { generator } = this.#context;
    const tokenBytes = (token: number) => generator.tokenBytes(token);
    return {
      index,
      text: echo + output.text,
      logprobs: await this.#logprobs?.[index]?.take(output, slices) ?? null,
      ...toFinish(output.finish),
      ...(numTop !== undefined && {
        prompt_logprobs: await toPromptLogprobs(output.promptLogprobs, numTop, tokenBytes, slices),
      }),
      ...(wantsTokens && isFirst && { prompt_token_ids: [...this.#requests[index]!.promptTokens] }),
      ...(wantsTokens && { token_ids: output.tokens }),
      ...await toRounds(this.#body, output.rounds, generator, slices),
    };
  }

  #usage(outputs: readonly Output[]): z.infer<typeof completionResponse>["usage"] {
    return toUsage(outputs, this.#body.n ?? 1, { cacheReport: this.#context.enableCacheReport });
  }
}
