/**
 * `/v1/chat/completions`.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, type z } from "@hono/zod-openapi";
import type { TokenLogprob } from "../../runtime/contracts/outputs.ts";
import { cacheKeysOf } from "../generation/cache_keys.ts";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import type { RouteContext } from "../generation/context.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { toChatLogprobs } from "../generation/logprobs.ts";
import { checkOpenai, newId, openaiSampling, toFinish, toUsage, unixSeconds } from "../generation/openai.ts";
import { chatTokens } from "../generation/prompt.ts";
import { toPromptLogprobs } from "../generation/prompt_logprobs.ts";
import { respond } from "../generation/respond.ts";
import { copiesOf, type Indexed, Output } from "../generation/run.ts";
import { speculationOf, toRounds } from "../generation/speculation.ts";
import { constraintOf, outputFormatOf } from "../generation/structured_output.ts";
import { generationContent, generationErrors, jsonBody } from "../answers/content.ts";
import { inParts, Slices } from "../answers/slices.ts";
import { chatRequest, chatResponse } from "../schema/chat.ts";
import { chatMessage } from "../schema/messages.ts";
import { renderOptionsOf } from "../schema/template_fields.ts";

type ChatRequest = z.infer<typeof chatRequest>;

const route = createRoute({
  method: "post",
  path: "/v1/chat/completions",
  summary: "Answer a conversation",
  request: jsonBody(chatRequest),
  responses: { 200: generationContent(chatResponse, "The answer"), ...generationErrors },
});

/** Adds the chat endpoint. */
export function addChat(app: OpenAPIHono, context: RouteContext): void {
  app.openAPIRegistry.register("ChatMessage", chatMessage);
  app.openapi(route, async (c) => {
    const body = c.req.valid("json");
    const { generator } = context;
    checkOpenai(body, 1, generator.model);
    const promptTokens = await chatTokens(
      generator,
      body.messages,
      renderOptionsOf(body),
      c.req.raw.signal,
    );
    const sampling = chatSampling(body, promptTokens.length, context);
    const id = body.rid ?? body.request_id ?? newId("chatcmpl");
    const formatter = new ChatFormatter(id, body, promptTokens, context);
    const common = {
      ...cacheKeysOf(body, 1)[0],
      ...constraintOf(outputFormatOf(body)),
      ...speculationOf(body),
    };
    const requests = copiesOf(id, promptTokens, body.n ?? 1, sampling, common);
    return await respond(c, context, requests, formatter);
  });
}

/**
 * Sampling parameters of a conversation's answer, by copy.
 *
 * @throws {InvalidRequestError} if the tokens asked for do not fit the context
 */
export function chatSampling(
  body: ChatRequest,
  numPromptTokens: number,
  context: RouteContext,
): (copy: number) => SamplingParams {
  return openaiSampling(body, {
    limit: limitOf(body),
    defaultLimit: Infinity,
    numPromptTokens,
    numLogprobs: numLogprobsOf(body),
    promptLogprobStart: -1,
  }, context);
}

function limitOf({ max_tokens: old, max_completion_tokens: limit }: ChatRequest) {
  if (old !== undefined && limit !== undefined && old !== limit) {
    throwInvalidField("max_tokens", "differs from max_completion_tokens");
  }
  if (limit !== undefined) return { value: limit, param: "max_completion_tokens" };
  return old === undefined ? undefined : { value: old, param: "max_tokens" };
}

function numLogprobsOf({ logprobs, top_logprobs: numTop }: ChatRequest): number {
  if (numTop && !logprobs) throwInvalidField("top_logprobs", "only allowed with logprobs");
  return logprobs ? numTop ?? 0 : -1;
}

class ChatFormatter {
  readonly stream: boolean;
  readonly #body: ChatRequest;
  /** Ids of the prompt, if asked for. */
  readonly #promptIds: { readonly prompt_token_ids?: number[] };
  readonly #context: RouteContext;
  readonly #common: { readonly id: string; readonly created: number; readonly model: string };

  constructor(id: string, body: ChatRequest, promptTokens: Int32Array, context: RouteContext) {
    this.stream = body.stream ?? false;
    this.#body = body;
    const wantsPrompt = body.return_prompt_token_ids || body.return_token_ids;
    this.#promptIds = wantsPrompt ? { prompt_token_ids: [...promptTokens] } : {};
    this.#context = context;
    this.#common = { id, created: unixSeconds(), model: context.generator.model.servedModelName };
  }

  async whole(outputs: readonly Output[], slices: Slices): Promise<z.infer<typeof chatResponse>> {
    const choices: z.infer<typeof chatResponse>["choices"] = [];
    for (const [index, output] of outputs.entries()) {
      const content = await inParts(output.logprobs, slices, (part) => this.#logprobs(part)?.content ?? []);
      choices.push({
        index,
        message: { role: "assistant", content: output.text, refusal: null, reasoning_content: null },
        logprobs: this.#body.logprobs ? { content, refusal: null } : null,
        ...toFinish(output.finish),
        ...this.#promptIds,
        ...this.#tokenIds(output),
        ...(this.#body.return_token_ids && { response_token_ids: output.tokens }),
        ...await toRounds(this.#body, output.rounds, this.#context.generator, slices),
      });
    }
    const { prompt_logprobs: numTop } = this.#body, { generator } = this.#context;
    const tokenBytes = (token: number) => generator.tokenBytes(token);
    return {
      ...this.#common,
      object: "chat.completion",
      choices,
      ...this.#promptIds,
      ...(numTop !== undefined && {
        prompt_logprobs: await toPromptLogprobs(outputs[0]!.promptLogprobs, numTop, tokenBytes, slices),
      }),
      usage: this.#usage(outputs),
    };
  }

  /** Per choice: the role, its text, one finish. Then the usage, if asked for. */
  async *events(chunks: AsyncIterable<Indexed<Output>>): AsyncGenerator<unknown> {
    const numChoices = this.#body.n ?? 1;
    const latest = Array.from({ length: numChoices }, () => new Output());
    const started = new Set<number>(), slices = new Slices();
    for await (const { index, value } of chunks) {
      latest[index] = value;
      if (!started.has(index)) {
        const first = this.#chunk(index, value, { role: "assistant", content: "" });
        yield started.size === 0 ? { ...first, ...this.#promptIds } : first;
      }
      started.add(index);
      const hasContent = value.text !== "" || value.logprobs.length > 0;
      const rounds = await toRounds(this.#body, value.rounds, this.#context.generator, slices);
      const beside = { ...this.#tokenIds(value), ...rounds };
      if (hasContent) {
        yield this.#chunk(index, value, { content: value.text }, {
          logprobs: this.#logprobs(value.logprobs),
          ...beside,
        });
      }
      if (value.finish !== undefined) {
        yield this.#chunk(index, value, {}, {
          ...toFinish(value.finish),
          ...(!hasContent && beside),
        });
      }
    }
    if (this.#body.stream_options?.include_usage) {
      const usage = this.#usage(latest);
      yield { ...this.#common, object: "chat.completion.chunk", choices: [], usage };
    }
  }

  #usage(outputs: readonly Output[]): z.infer<typeof chatResponse>["usage"] {
    const cacheReport = this.#context.enableCacheReport, metaInfo = this.#body.return_meta_info ?? false;
    return toUsage(outputs, outputs.length, { cacheReport, metaInfo });
  }

  #tokenIds({ tokens }: Output): { token_ids?: number[] } {
    return this.#body.return_token_ids ? { token_ids: tokens } : {};
  }

  #chunk(index: number, output: Output, delta: object, fields: object = {}): object {
    const choice = {
      index,
      delta: { ...delta, reasoning_content: null },
      logprobs: null,
      ...toFinish(undefined),
      ...fields,
    };
    return {
      ...this.#common,
      object: "chat.completion.chunk",
      choices: [choice],
      ...(this.#body.stream_options?.continuous_usage_stats && {
        usage: this.#usage([output]),
      }),
    };
  }

  #logprobs(
    entries: readonly TokenLogprob[],
  ): z.infer<typeof chatResponse>["choices"][number]["logprobs"] {
    const { generator } = this.#context;
    if (!this.#body.logprobs) return null;
    return toChatLogprobs(entries, (token) => generator.tokenBytes(token));
  }
}
