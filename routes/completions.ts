/**
 * `/v1/completions`.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, type z } from "@hono/zod-openapi";
import type { RouteContext } from "./context.ts";
import { toLegacyLogprobs } from "./logprobs.ts";
import { checkOpenai, newId, openaiSampling, toFinish, toUsage, unixSeconds } from "./openai.ts";
import { type Prompt, promptsOf, promptTokens, tokenText } from "./prompt.ts";
import { respond } from "./respond.ts";
import { copiesOf, type Indexed, Output } from "./run.ts";
import { generationContent, generationErrors, jsonBody } from "./schema.ts";
import { completionRequest, completionResponse } from "./schema_completions.ts";

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
  app.openapi(route, (c) => {
    const body = c.req.valid("json");
    const { generator } = context;
    const { prompts } = promptsOf(body.prompt);
    checkOpenai(body, prompts.length, generator.model);
    const id = body.rid ?? newId("cmpl");
    const n = body.n ?? 1;
    const requests = prompts.flatMap((prompt, index) => {
      const tokens = promptTokens(generator, prompt, "prompt");
      const sampling = openaiSampling(body, {
        limit: body.max_tokens === undefined ? undefined : { value: body.max_tokens, param: "max_tokens" },
        defaultLimit: 16,
        numPromptTokens: tokens.length,
        numLogprobs: body.logprobs ?? -1,
        promptLogprobStart: body.echo && body.logprobs !== undefined ? 0 : -1,
      }, context);
      return copiesOf(prompts.length === 1 ? id : `${id}-${index}`, tokens, n, sampling);
    });
    const echoes = body.echo ? prompts.map((prompt) => textOfPrompt(prompt, context)) : [];
    return respond(c, context, requests, new CompletionWording(id, body, echoes, requests.length, context));
  });
}

function textOfPrompt(prompt: Prompt, { generator }: RouteContext): string {
  return typeof prompt === "string" ? prompt : generator.decode(prompt, { skipSpecialTokens: false });
}

class CompletionWording {
  readonly stream: boolean;
  readonly #body: CompletionRequest;
  readonly #echoes: readonly string[];
  readonly #numChoices: number;
  readonly #context: RouteContext;
  readonly #common: Pick<CompletionResponse, "id" | "object" | "created" | "model">;

  constructor(
    id: string,
    body: CompletionRequest,
    echoes: readonly string[],
    numChoices: number,
    context: RouteContext,
  ) {
    this.stream = body.stream ?? false;
    this.#body = body;
    this.#echoes = echoes;
    this.#numChoices = numChoices;
    this.#context = context;
    const model = context.generator.model.servedModelName;
    this.#common = { id, object: "text_completion", created: unixSeconds(), model };
  }

  whole(outputs: readonly Output[]): CompletionResponse {
    return {
      ...this.#common,
      choices: outputs.map((output, index) => this.#choice(index, output, 0)),
      usage: this.#usage(outputs),
    };
  }

  /** Text by choice, the last chunk of each with its finish. Then the usage, if asked for. */
  async *events(chunks: AsyncIterable<Indexed<Output>>): AsyncGenerator<unknown> {
    const latest = Array.from({ length: this.#numChoices }, () => new Output());
    const offsets = new Map<number, number>();
    for await (const { index, value } of chunks) {
      latest[index] = value;
      const choice = this.#choice(index, value, offsets.get(index) ?? 0);
      offsets.set(index, (offsets.get(index) ?? 0) + choice.text.length);
      const usage = this.#body.stream_options?.continuous_usage_stats &&
        { usage: toUsage([value], 1, { cacheReport: this.#context.enableCacheReport }) };
      yield { ...this.#common, choices: [choice], ...usage };
    }
    if (this.#body.stream_options?.include_usage) {
      yield { ...this.#common, choices: [], usage: this.#usage(latest) };
    }
  }

  /** A choice whose text starts at character `offset`; the prompt is echoed where that is 0. */
  #choice(index: number, output: Output, offset: number): CompletionResponse["choices"][number] {
    const { logprobs: numTop, n } = this.#body;
    const echo = offset === 0 ? this.#echoes[Math.floor(index / (n ?? 1))] ?? "" : "";
    const entries = [...output.promptLogprobs, ...output.logprobs];
    return {
      index,
      text: echo + output.text,
      logprobs: numTop === undefined
        ? null
        : toLegacyLogprobs(entries, { numTop, offset, textOf: tokenText(this.#context.generator) }),
      ...toFinish(output.finish),
    };
  }

  #usage(outputs: readonly Output[]): z.infer<typeof completionResponse>["usage"] {
    return toUsage(outputs, this.#body.n ?? 1, { cacheReport: this.#context.enableCacheReport });
  }
}
