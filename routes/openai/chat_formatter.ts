/**
 * Answers of `/v1/chat/completions`, whole and as events.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { TokenLogprob } from "../../runtime/contracts/outputs.ts";
import { inParts, Slices } from "../answers/slices.ts";
import { type AnswerChunk, endOf, readAnswer, readAnswers } from "../generation/answers.ts";
import type { RouteContext } from "../generation/context.ts";
import type { Answer, AnswerPart } from "../generation/conversation.ts";
import { toChatLogprobs } from "../generation/logprobs.ts";
import { toFinish, toUsage, unixSeconds } from "../generation/openai.ts";
import type { PreparedConversation } from "../generation/prepare_conversation.ts";
import { toPromptLogprobs } from "../generation/prompt_logprobs.ts";
import type { Indexed, Output } from "../generation/run.ts";
import { toRounds } from "../generation/speculation.ts";
import type { chatResponse } from "../schema/chat.ts";
import type { ChatRequest } from "./chat_conversation.ts";
import { isOldForm } from "./chat_tools.ts";

type ChatResponse = z.infer<typeof chatResponse>;
type Choice = ChatResponse["choices"][number];

/** A request and what it is answered from. */
interface Asked {
  readonly id: string;
  readonly body: ChatRequest;
  readonly prepared: PreparedConversation;
  readonly context: RouteContext;
}

/** Writes the answers of one chat request. */
export class ChatFormatter {
  readonly stream: boolean;
  readonly #body: ChatRequest;
  readonly #prepared: PreparedConversation;
  /** Ids of the prompt, if asked for. */
  readonly #promptIds: { readonly prompt_token_ids?: number[] };
  readonly #context: RouteContext;
  readonly #isOldForm: boolean;
  readonly #common: { readonly id: string; readonly created: number; readonly model: string };

  constructor({ id, body, prepared, context }: Asked) {
    this.stream = body.stream ?? false;
    this.#body = body;
    this.#prepared = prepared;
    const wantsPrompt = body.return_prompt_token_ids || body.return_token_ids;
    this.#promptIds = wantsPrompt ? { prompt_token_ids: [...prepared.promptTokens] } : {};
    this.#context = context;
    this.#isOldForm = isOldForm(body);
    this.#common = { id, created: unixSeconds(), model: context.generator.model.servedModelName };
  }

  /** The body of an answer in one piece. */
  async whole(outputs: readonly Output[], slices: Slices): Promise<ChatResponse> {
    const choices: Choice[] = [];
    let numReasoningTokens = 0;
    for (const [index, output] of outputs.entries()) {
      const answer = readAnswer(this.#prepared, output);
      numReasoningTokens += answer.numReasoningTokens;
      const content = await inParts(output.logprobs, slices, (part) => this.#logprobs(part)?.content ?? []);
      choices.push({
        index,
        message: toMessage(answer, this.#isOldForm),
        logprobs: this.#body.logprobs ? { content, refusal: null } : null,
        ...this.#end(output, answer.calls.length > 0),
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
      usage: this.#usage(outputs, numReasoningTokens),
    };
  }

  /** Per choice: the role, its parts, one finish. Then the usage, if asked for. */
  async *events(chunks: AsyncIterable<Indexed<Output>>): AsyncGenerator<unknown> {
    const latest: AnswerChunk[] = [], slices = new Slices();
    for await (const chunk of readAnswers(this.#prepared, chunks)) {
      const isFirstOfAll = latest.length === 0;
      latest[chunk.index] = chunk;
      if (chunk.isFirst) {
        const first = this.#event(chunk, { role: "assistant", content: "" });
        yield isFirstOfAll ? { ...first, ...this.#promptIds } : first;
      }
      yield* this.#chunkEvents(chunk, slices);
    }
    if (this.#body.stream_options?.include_usage) {
      const numReasoningTokens = latest.reduce((sum, chunk) => sum + chunk.numReasoningTokens, 0);
      const usage = this.#usage(latest.map(({ output }) => output), numReasoningTokens);
      yield { ...this.#common, object: "chat.completion.chunk", choices: [], usage };
    }
  }

  /** What is known of the tokens of a chunk goes with its first part. */
  async *#chunkEvents(chunk: AnswerChunk, slices: Slices): AsyncGenerator<unknown> {
    const { output, parts, hasCalls } = chunk;
    const rounds = await toRounds(this.#body, output.rounds, this.#context.generator, slices);
    let beside: object = { ...this.#tokenIds(output), ...rounds };
    if (parts.length > 0 || output.logprobs.length > 0) {
      beside = { logprobs: this.#logprobs(output.logprobs), ...beside };
      for (const part of parts.length > 0 ? parts : [{ type: "content", text: "" } as const]) {
        yield this.#event(chunk, toDelta(part, this.#isOldForm), beside);
        beside = {};
      }
    }
    if (output.finish !== undefined) {
      yield this.#event(chunk, {}, { ...this.#end(output, hasCalls), ...beside });
    }
  }

  #usage(outputs: readonly Output[], numReasoningTokens: number): ChatResponse["usage"] {
    const cacheReport = this.#context.enableCacheReport, metaInfo = this.#body.return_meta_info ?? false;
    return toUsage(outputs, outputs.length, { cacheReport, metaInfo, numReasoningTokens });
  }

  #tokenIds({ tokens }: Output): { token_ids?: number[] } {
    return this.#body.return_token_ids ? { token_ids: tokens } : {};
  }

  #event({ index, output, numReasoningTokens }: AnswerChunk, delta: object, fields: object = {}): object {
    const choice = {
      index,
      delta: { ...delta, ...(!("reasoning_content" in delta) && { reasoning_content: null }) },
      logprobs: null,
      ...toFinish(undefined),
      ...fields,
    };
    return {
      ...this.#common,
      object: "chat.completion.chunk",
      choices: [choice],
      ...(this.#body.stream_options?.continuous_usage_stats && {
        usage: this.#usage([output], numReasoningTokens),
      }),
    };
  }

  #end({ finish }: Output, hasCalls: boolean): Pick<Choice, "finish_reason" | "matched_stop"> {
    if (finish === undefined) return toFinish(undefined);
    const end = endOf(finish, hasCalls);
    return {
      ...toFinish(finish),
      finish_reason: end === "tool_calls" && this.#isOldForm ? "function_call" : end,
    };
  }

  #logprobs(entries: readonly TokenLogprob[]): Choice["logprobs"] {
    const { generator } = this.#context;
    if (!this.#body.logprobs) return null;
    return toChatLogprobs(entries, (token) => generator.tokenBytes(token));
  }
}

function toMessage({ content, reasoning, calls }: Answer, isOldForm: boolean): Choice["message"] {
  const functions = calls.map(({ name, arguments: text }) => ({ name, arguments: text }));
  return {
    role: "assistant",
    content: content === "" && calls.length > 0 ? null : content,
    refusal: null,
    reasoning_content: reasoning === "" ? null : reasoning,
    ...(reasoning !== "" && { reasoning }),
    ...(calls.length > 0 && (isOldForm ? { function_call: functions[0]! } : {
      tool_calls: calls.map(({ id }, i) => ({ id, type: "function" as const, function: functions[i]! })),
    })),
  };
}

function toDelta(part: AnswerPart, isOldForm: boolean): object {
  switch (part.type) {
    case "content":
      return { content: part.text };
    case "reasoning":
      return { reasoning_content: part.text, reasoning: part.text };
    case "call": {
      const { index, id, name } = part;
      if (isOldForm) return { function_call: { name, arguments: "" } };
      return { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] };
    }
    case "arguments": {
      const { index, text } = part;
      if (isOldForm) return { function_call: { arguments: text } };
      return { tool_calls: [{ index, function: { arguments: text } }] };
    }
  }
}
