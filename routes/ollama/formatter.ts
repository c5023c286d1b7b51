/**
 * Answers of `/api/chat` and `/api/generate`, whole and line by line.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import { AbortedError } from "../../runtime/contracts/errors.ts";
import type { ErrorReply } from "../answers/errors.ts";
import { lineFraming } from "../answers/framings.ts";
import { readAnswer, readAnswers } from "../generation/answers.ts";
import type { AnswerPart } from "../generation/conversation.ts";
import type { PreparedConversation } from "../generation/prepare_conversation.ts";
import type { Indexed, Output } from "../generation/run.ts";
import type { ollamaChatResponse, ollamaGenerateResponse } from "../schema/ollama_answer.ts";
import { toOllamaError } from "./errors.ts";

type ChatLine = z.infer<typeof ollamaChatResponse>;
type GenerateLine = z.infer<typeof ollamaGenerateResponse>;
type ToolCalls = NonNullable<ChatLine["message"]["tool_calls"]>;

/** What a line says. */
interface Said {
  readonly content: string;
  readonly thinking: string;
  readonly calls: ToolCalls;
}

/** How an endpoint writes what is said. */
type Wording = (said: Said) => Pick<ChatLine, "message"> | Pick<GenerateLine, "response" | "thinking">;

/** The assistant's message in a conversation. */
export function chatWording({ content, thinking, calls }: Said): Pick<ChatLine, "message"> {
  return {
    message: {
      role: "assistant",
      content,
      ...(thinking !== "" && { thinking }),
      ...(calls.length > 0 && { tool_calls: calls }),
    },
  };
}

/** The answer to a prompt. */
export function promptWording({ content, thinking }: Said): Pick<GenerateLine, "response" | "thinking"> {
  return { response: content, ...(thinking !== "" && { thinking }) };
}

/** A request and what it is answered from. */
interface Asked {
  /** Name of the model as the client wrote it. */
  readonly model: string;
  readonly stream: boolean;
  readonly prepared: Pick<PreparedConversation, "reader">;
  readonly wording: Wording;
}

/** Writes the answer to a request. */
export class OllamaFormatter {
  readonly stream: boolean;
  readonly framing = lineFraming;
  readonly #asked: Asked;
  readonly #startedAt = performance.now();
  readonly #calls = new CallReader();
  #firstAt: number | undefined;

  constructor(asked: Asked) {
    this.stream = asked.stream;
    this.#asked = asked;
  }

  /** The answer in one piece. */
  whole([output]: readonly Output[]): object {
    const { reasoning: thinking, content, calls } = readAnswer(this.#asked.prepared, output!);
    this.#firstAt = output!.firstAt;
    const said = calls.flatMap(({ id, name, arguments: text }, index) => toCall(index, id, name, text));
    return this.#line({ content, thinking, calls: said }, this.#end(output!));
  }

  /** A line for every part; calls come whole. */
  async *events(chunks: AsyncIterable<Indexed<Output>>): AsyncGenerator<unknown> {
    for await (const { parts, output } of readAnswers(this.#asked.prepared, chunks)) {
      this.#firstAt ??= output.firstAt;
      for (const part of parts) {
        const said = this.#read(part);
        if (said !== undefined) yield this.#line(said);
      }
      if (output.finish === undefined) continue;
      const calls = this.#calls.end();
      if (calls.length > 0) yield this.#line({ content: "", thinking: "", calls });
      yield this.#line({ content: "", thinking: "", calls: [] }, this.#end(output));
    }
  }

  /** The line that ends a stream. */
  failed(reply: ErrorReply): readonly unknown[] {
    return [toOllamaError(reply)];
  }

  #read(part: AnswerPart): Said | undefined {
    const said = { content: "", thinking: "", calls: [] };
    if (part.type === "content") return { ...said, content: part.text };
    if (part.type === "reasoning") return { ...said, thinking: part.text };
    const calls = this.#calls.read(part);
    return calls.length > 0 ? { ...said, calls } : undefined;
  }

  #line(said: Said, end: object = { done: false }): object {
    const { model, wording } = this.#asked;
    return { model, created_at: new Date().toISOString(), ...wording(said), ...end };
  }

  #end({ finish, usage }: Output): object {
    if (finish!.type === "abort") throw new AbortedError(finish!.message);
    const now = performance.now(), firstAt = this.#firstAt ?? now;
    return {
      done: true,
      done_reason: finish!.type,
      total_duration: toNanoseconds(now - this.#startedAt),
      load_duration: 0,
      prompt_eval_count: usage.numPromptTokens,
      prompt_eval_duration: toNanoseconds(firstAt - this.#startedAt),
      eval_count: usage.numCompletionTokens,
      eval_duration: toNanoseconds(now - firstAt),
    };
  }
}

/** Gathers calls until their arguments are there. */
class CallReader {
  #open: { readonly index: number; readonly id: string; readonly name: string } | undefined;
  #text = "";

  /** The call that `part` completes, if it does. */
  read(part: Extract<AnswerPart, { readonly type: "call" | "arguments" }>): ToolCalls {
    if (part.type === "arguments") {
      this.#text += part.text;
      return [];
    }
    const calls = this.end();
    this.#open = part;
    return calls;
  }

  /** The call that was open. */
  end(): ToolCalls {
    const open = this.#open, text = this.#text;
    this.#open = undefined;
    this.#text = "";
    return open === undefined ? [] : toCall(open.index, open.id, open.name, text);
  }
}

/** A call; none if the limit of tokens has cut its arguments, which the answer's end says. */
function toCall(index: number, id: string, name: string, text: string): ToolCalls {
  try {
    return [{ id, function: { index, name, arguments: JSON.parse(text) } }];
  } catch {
    return [];
  }
}

/** Times as Ollama counts them. */
export function toNanoseconds(ms: number): number {
  return Math.round(ms * 1e6);
}
