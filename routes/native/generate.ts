/**
 * The native `/generate`: SGLang's own request and answer.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { TokenLogprob } from "../../runtime/contracts/outputs.ts";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import type { RouteContext } from "../generation/context.ts";
import { type GenerateRequest, type Plan, planOf } from "./generate_plan.ts";
import { toHiddenStates } from "../generation/hidden_states.ts";
import { textOf, toChosenTriples, toLogprobTriples } from "../generation/logprobs.ts";
import { toRounds, toSpeculation } from "../generation/speculation.ts";
import { respond } from "../generation/respond.ts";
import { type Indexed, Output } from "../generation/run.ts";
import { generationContent, generationErrors, jsonBody } from "../answers/content.ts";
import { inParts, Slices } from "../answers/slices.ts";
import { generateRequest, generateResult } from "../schema/generate.ts";

type GenerateResult = z.infer<typeof generateResult>;

const route = {
  path: "/generate",
  summary: "Continue prompts, native form",
  request: jsonBody(generateRequest),
  responses: {
    200: generationContent(
      z.union([generateResult, z.array(generateResult)]),
      "One result, or a list for a batch or n > 1; streamed text is cumulative, streamed rounds are not",
    ),
    ...generationErrors,
  },
};

/** Adds the native endpoint. */
export function addGenerate(app: OpenAPIHono, context: RouteContext): void {
  for (const method of ["post", "put"] as const) {
    app.openapi(createRoute({ ...route, method }), async (c) => {
      const body = c.req.valid("json");
      const plan = await planOf(body, context, c.req.raw.signal);
      return await respond(c, context, plan.requests, new NativeFormatter(body, plan, context));
    });
  }
}

class NativeFormatter {
  readonly stream: boolean;
  readonly #body: GenerateRequest;
  readonly #plan: Plan;
  readonly #context: RouteContext;
  readonly #startMs = performance.now();

  constructor(body: GenerateRequest, plan: Plan, context: RouteContext) {
    this.stream = body.stream ?? false;
    this.#body = body;
    this.#plan = plan;
    this.#context = context;
  }

  async whole(outputs: readonly Output[], slices: Slices): Promise<GenerateResult | GenerateResult[]> {
    const results: GenerateResult[] = [];
    for (const [index, output] of outputs.entries()) results.push(await this.#result(index, output, slices));
    const [only] = results;
    return this.#plan.isList || only === undefined ? results : only;
  }

  /** Everything so far, again in each chunk, but for rounds: of them only those since the chunk before. */
  async *events(chunks: AsyncIterable<Indexed<Output>>): AsyncGenerator<GenerateResult> {
    const totals = new Map<number, Output>(), slices = new Slices();
    for await (const { index, value } of chunks) {
      const isFirst = !totals.has(index), total = totals.get(index) ?? new Output();
      totals.set(index, total);
      total.rounds.length = 0;
      total.add(value);
      yield { ...await this.#result(index, total, slices, isFirst), ...(this.#plan.isList && { index }) };
    }
  }

  async #result(index: number, output: Output, slices: Slices, isFirst = false): Promise<GenerateResult> {
    const { usage, finish } = output;
    const request = this.#plan.requests[index];
    const wantsPrompt = this.#body.return_prompt_token_ids && (isFirst || finish !== undefined);
    return {
      text: output.text,
      output_ids: output.tokens,
      ...(wantsPrompt && { prompt_token_ids: [...request?.promptTokens ?? []] }),
      meta_info: {
        id: request?.requestId ?? "",
        finish_reason: finish ?? null,
        prompt_tokens: usage.numPromptTokens,
        completion_tokens: usage.numCompletionTokens,
        cached_tokens: usage.numCachedTokens,
        num_retractions: usage.numPreemptions,
        weight_version: this.#context.weightVersion,
        ...toSpeculation(usage.speculation ? [usage.speculation] : []),
        ...(finish !== undefined && { e2e_latency: (performance.now() - this.#startMs) / 1000 }),
        ...request && await this.#logprobs(request.sampling, output, slices),
        ...request && finish !== undefined && await toHiddenStates(request, output, slices),
      },
      ...await toRounds(this.#body, output.rounds, this.#context.generator, slices),
    };
  }

  async #logprobs(
    { numLogprobs, logprobTokens: ids }: SamplingParams,
    output: Output,
    slices: Slices,
  ): Promise<Partial<GenerateResult["meta_info"]>> {
    if (numLogprobs < 0) return {};
    const { generator } = this.#context;
    const show = this.#body.return_text_in_logprobs
      ? (token: number) => textOf(generator.tokenBytes(token))
      : () => null;
    const { promptLogprobs, logprobs, next } = output;
    const tokens = (part: readonly TokenLogprob[]) => toLogprobTriples(part, show).tokens;
    const top = (part: readonly TokenLogprob[]) => toLogprobTriples(part, show).top;
    const chosen = (part: readonly TokenLogprob[]) => toChosenTriples(part, ids, show);
    return {
      input_token_logprobs: await inParts(promptLogprobs, slices, tokens),
      output_token_logprobs: await inParts(logprobs, slices, tokens),
      ...(numLogprobs > 0 && {
        input_top_logprobs: await inParts(promptLogprobs, slices, top),
        output_top_logprobs: await inParts(logprobs, slices, top),
      }),
      ...(ids.length > 0 && {
        input_token_ids_logprobs: await inParts(promptLogprobs, slices, chosen),
        output_token_ids_logprobs: await inParts(next ? [next] : logprobs, slices, chosen),
      }),
    };
  }
}
