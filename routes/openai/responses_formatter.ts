/**
 * Answers of `/v1/responses`, whole and as events.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import type { FinishReason } from "../../runtime/contracts/outputs.ts";
import type { Usage } from "../../runtime/contracts/usage.ts";
import type { ErrorReply } from "../answers/errors.ts";
import { responsesFraming } from "../answers/framings.ts";
import { endOf, readAnswer, readAnswers } from "../generation/answers.ts";
import type { RouteContext } from "../generation/context.ts";
import { unixSeconds } from "../generation/openai.ts";
import type { PreparedConversation } from "../generation/prepare_conversation.ts";
import type { Indexed, Output } from "../generation/run.ts";
import type { ResponsesRequest } from "./responses_conversation.ts";
import { itemsOf, OutputItems, type ResponseEvent } from "./responses_output.ts";
import type { ResponseBody } from "./stored_responses.ts";

/** A request and what it is answered from. */
interface Asked {
  readonly id: string;
  readonly body: ResponsesRequest;
  readonly prepared: Pick<PreparedConversation, "reader">;
  readonly context: Pick<RouteContext, "generator" | "enableCacheReport">;
  /** Told the response when it has ended, well or not. */
  readonly onEnd: (response: ResponseBody) => void;
}

/** Writes the response that answers a request. */
export class ResponseFormatter {
  readonly stream: boolean;
  readonly framing = responsesFraming;
  /** The response before anything of its output is there. */
  readonly begun: ResponseBody;
  readonly #asked: Asked;
  #output = new OutputItems();
  #numEvents = 0;

  constructor(asked: Asked) {
    this.stream = asked.body.stream ?? false;
    this.begun = beginningOf(asked.id, asked.body, asked.context);
    this.#asked = asked;
  }

  /** The response in one piece. */
  whole([output]: readonly Output[]): ResponseBody {
    const answer = readAnswer(this.#asked.prepared, output!), status = statusOf(output!.finish!);
    return this.#ended(
      status,
      itemsOf(answer, status),
      this.#usage(output!.usage, answer.numReasoningTokens),
    );
  }

  /** The response without output, its items one after another, all of it. */
  async *events(chunks: AsyncIterable<Indexed<Output>>): AsyncGenerator<unknown> {
    for await (const chunk of readAnswers(this.#asked.prepared, chunks)) {
      const { isFirst, parts, output, numReasoningTokens } = chunk;
      if (isFirst) {
        yield this.#number({ type: "response.created", response: this.begun });
        yield this.#number({ type: "response.in_progress", response: this.begun });
      }
      for (const part of parts) yield* this.#all(this.#output.write(part));
      if (output.finish === undefined) continue;
      const status = statusOf(output.finish), usage = this.#usage(output.usage, numReasoningTokens);
      yield* this.#all(this.#output.end(status));
      const response = this.#ended(status, this.#output.done, usage);
      yield this.#number({ type: `response.${status}`, response });
    }
  }

  /** The events that end a stream. */
  failed({ code, body: { error } }: ErrorReply): readonly unknown[] {
    const { message, param } = error;
    // An abort was asked for by its id, or by the client's leaving.
    const isCancelled = code === "aborted";
    const response: ResponseBody = {
      ...this.begun,
      status: isCancelled ? "cancelled" : "failed",
      error: isCancelled
        ? null
        : { code: code === "overloaded" ? "rate_limit_exceeded" : "server_error", message },
      output: this.#output.done,
    };
    this.#asked.onEnd(response);
    return [
      this.#number({ type: "error", code: error.code ?? code, message, param }),
      this.#number({ type: "response.failed", response }),
    ];
  }

  *#all(events: Iterable<ResponseEvent>): Generator<object> {
    for (const event of events) yield this.#number(event);
  }

  #number(event: ResponseEvent): object {
    return { ...event, sequence_number: this.#numEvents++ };
  }

  #ended(
    status: "completed" | "incomplete",
    output: ResponseBody["output"],
    usage: ResponseBody["usage"],
  ): ResponseBody {
    const response: ResponseBody = {
      ...this.begun,
      status,
      completed_at: unixSeconds(),
      incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
      output,
      usage,
    };
    this.#asked.onEnd(response);
    return response;
  }

  #usage(usage: Usage, numReasoningTokens: number): ResponseBody["usage"] {
    const { numPromptTokens, numCompletionTokens, numCachedTokens } = usage;
    const cached_tokens = this.#asked.context.enableCacheReport ? numCachedTokens : 0;
    return {
      input_tokens: numPromptTokens,
      input_tokens_details: { cached_tokens, cache_write_tokens: 0 },
      output_tokens: numCompletionTokens,
      output_tokens_details: { reasoning_tokens: numReasoningTokens },
      total_tokens: numPromptTokens + numCompletionTokens,
    };
  }
}

/** @throws {AbortedError} if the answer was aborted */
function statusOf(finish: FinishReason): "completed" | "incomplete" {
  return endOf(finish, false) === "length" ? "incomplete" : "completed";
}

/** A response of which there is nothing yet but what the request says. */
function beginningOf(
  id: string,
  body: ResponsesRequest,
  { generator }: Pick<RouteContext, "generator">,
): ResponseBody {
  const { tool_choice = "auto", tools = [], reasoning } = body;
  return {
    id,
    object: "response",
    created_at: unixSeconds(),
    completed_at: null,
    status: "in_progress",
    error: null,
    incomplete_details: null,
    model: generator.model.servedModelName,
    output: [],
    usage: null,
    instructions: body.instructions ?? null,
    previous_response_id: body.previous_response_id ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    temperature: body.temperature ?? null,
    top_p: body.top_p ?? null,
    tools: tools.map((tool) => ({
      ...tool,
      description: tool.description ?? null,
      parameters: tool.parameters ?? null,
      strict: tool.strict ?? null,
    })),
    tool_choice,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    text: { format: body.text?.format ?? { type: "text" }, verbosity: "medium" },
    reasoning: { effort: reasoning?.effort ?? null, summary: reasoning?.summary ?? null },
    truncation: body.truncation ?? "disabled",
    metadata: body.metadata ?? {},
    store: body.store ?? true,
    background: false,
    service_tier: "default",
    top_logprobs: 0,
    access_programs: null,
    ...(body.user !== undefined && { user: body.user }),
    safety_identifier: body.safety_identifier ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
  };
}
