/**
 * Answers of `/v1/messages`, whole and as events.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import type { z } from "@hono/zod-openapi";
import type { Usage } from "../../runtime/contracts/usage.ts";
import type { ErrorReply } from "../answers/errors.ts";
import { anthropicFraming } from "../answers/framings.ts";
import { endOf, readAnswer, readAnswers } from "../generation/answers.ts";
import type { RouteContext } from "../generation/context.ts";
import type { PreparedConversation } from "../generation/prepare_conversation.ts";
import type { Indexed, Output } from "../generation/run.ts";
import type { anthropicUsage, messagesResponse } from "../schema/anthropic_answer.ts";
import type { MessagesRequest } from "./conversation.ts";
import { toAnthropicError } from "./errors.ts";
import { BlockEvents, blocksOf, type WriterOptions } from "./message_writer.ts";

type MessagesResponse = z.infer<typeof messagesResponse>;
type Stop = Pick<MessagesResponse, "stop_reason" | "stop_sequence" | "stop_details" | "container">;

/** A request and what it is answered from. */
interface Asked {
  readonly id: string;
  readonly body: MessagesRequest;
  readonly prepared: Pick<PreparedConversation, "reader">;
  readonly context: Pick<RouteContext, "generator" | "enableCacheReport">;
  /** Of the HTTP request, for errors. */
  readonly requestId: string;
}

/** Writes the message that answers a request. */
export class MessageFormatter {
  readonly stream: boolean;
  readonly framing = anthropicFraming;
  readonly #asked: Asked;
  readonly #options: WriterOptions;

  constructor(asked: Asked) {
    const { stream = false, thinking } = asked.body;
    this.stream = stream;
    this.#asked = asked;
    this.#options = {
      omitsThinking: thinking !== undefined && "display" in thinking && thinking.display === "omitted",
    };
  }

  /** The message in one piece. */
  whole([output]: readonly Output[]): MessagesResponse {
    const answer = readAnswer(this.#asked.prepared, output!);
    return {
      ...this.#message(),
      content: blocksOf(answer, this.#options),
      ...this.#stop(output!, answer.calls.length > 0),
      usage: this.#usage(output!.usage, answer.numReasoningTokens),
    };
  }

  /** The message without content, its blocks one after another, its end. */
  async *events(chunks: AsyncIterable<Indexed<Output>>): AsyncGenerator<unknown> {
    const blocks = new BlockEvents(this.#options);
    for await (const chunk of readAnswers(this.#asked.prepared, chunks)) {
      const { isFirst, parts, output, hasCalls, numReasoningTokens } = chunk;
      if (isFirst) {
        const usage = this.#usage({ ...output.usage, numCompletionTokens: 0, numCachedTokens: 0 }, 0);
        yield { type: "message_start", message: { ...this.#message(), usage } };
      }
      for (const part of parts) yield* blocks.write(part);
      if (output.finish === undefined) continue;
      const delta = this.#stop(output, hasCalls);
      yield* blocks.end();
      yield { type: "message_delta", delta, usage: this.#usage(output.usage, numReasoningTokens) };
      yield { type: "message_stop" };
    }
  }

  /** The error that ends a stream. */
  failed(reply: ErrorReply): readonly unknown[] {
    return [toAnthropicError(reply, this.#asked.requestId)];
  }

  #message(): Omit<MessagesResponse, "usage"> {
    const { id, context } = this.#asked;
    return {
      id,
      type: "message",
      role: "assistant",
      model: context.generator.model.servedModelName,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
    };
  }

  #usage(usage: Usage, numReasoningTokens: number): z.infer<typeof anthropicUsage> {
    const { numPromptTokens, numCompletionTokens, numCachedTokens } = usage;
    const numCached = this.#asked.context.enableCacheReport ? numCachedTokens : 0;
    return {
      input_tokens: numPromptTokens - numCached,
      output_tokens: numCompletionTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: numCached,
      cache_creation: null,
      output_tokens_details: numReasoningTokens === 0 ? null : { thinking_tokens: numReasoningTokens },
      server_tool_use: null,
      service_tier: "standard",
      inference_geo: null,
      speed: null,
    };
  }

  /** Why the message ended. A text that ended it is named; the model's own end tokens are not. */
  #stop({ finish, usage }: Output, hasCalls: boolean): Stop {
    const end = endOf(finish!, hasCalls), common = { stop_details: null, container: null };
    if (end === "tool_calls") return { stop_reason: "tool_use", stop_sequence: null, ...common };
    if (end === "length") {
      const isCut = usage.numCompletionTokens < this.#asked.body.max_tokens;
      return {
        stop_reason: isCut ? "model_context_window_exceeded" : "max_tokens",
        stop_sequence: null,
        ...common,
      };
    }
    const matched = finish?.type === "stop" ? finish.matched : undefined;
    return typeof matched === "string"
      ? { stop_reason: "stop_sequence", stop_sequence: matched, ...common }
      : { stop_reason: "end_turn", stop_sequence: null, ...common };
  }
}
