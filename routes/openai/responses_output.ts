/**
 * Writes the parts of an answer as items of a response, and as the events that such a response is streamed by.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import type { z } from "@hono/zod-openapi";
import type { Answer, AnswerPart } from "../generation/conversation.ts";
import { newId } from "../generation/openai.ts";
import type { outputItem } from "../schema/responses_answer.ts";

/** An item of an answer. */
export type OutputItem = z.infer<typeof outputItem>;

/** How an item ended. */
type ItemEnd = "completed" | "incomplete";

/** An event without its number. */
export interface ResponseEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The items of an answer, grown part by part. */
export class OutputItems {
  /** Items that are complete. */
  readonly done: OutputItem[] = [];
  #open: OutputItem | undefined;

  /** Adds a part; returns the events that say so. */
  *write(part: AnswerPart): Generator<ResponseEvent> {
    switch (part.type) {
      case "reasoning":
        if (this.#open?.type !== "reasoning") yield* this.#start(newReasoning());
        yield this.#text("response.reasoning_text.delta", part.text);
        break;
      case "content":
        if (this.#open?.type !== "message") yield* this.#start(newMessage());
        yield this.#text("response.output_text.delta", part.text);
        break;
      case "call":
        yield* this.#start({
          type: "function_call",
          id: itemId("fc"),
          call_id: part.id,
          name: part.name,
          arguments: "",
          status: "in_progress",
        });
        break;
      case "arguments":
        if (this.#open?.type !== "function_call") return;
        this.#open.arguments += part.text;
        yield this.#event("response.function_call_arguments.delta", { delta: part.text });
    }
  }

  /** Completes the item that is open; returns the events that say so. */
  *end(status: ItemEnd = "completed"): Generator<ResponseEvent> {
    const item = this.#open;
    if (item === undefined) return;
    if (item.type === "function_call") {
      const { name, arguments: text } = item;
      yield this.#event("response.function_call_arguments.done", { name, arguments: text });
    } else {
      const [part] = item.content, own = { content_index: 0 };
      if (item.type === "message") {
        yield this.#event("response.output_text.done", { ...own, text: part!.text, logprobs: [] });
      } else {
        yield this.#event("response.reasoning_text.done", { ...own, text: part!.text });
      }
      yield this.#event("response.content_part.done", { ...own, part: { ...part! } });
    }
    item.status = status;
    yield { type: "response.output_item.done", output_index: this.done.length, item };
    this.done.push(item);
    this.#open = undefined;
  }

  *#start(item: OutputItem): Generator<ResponseEvent> {
    yield* this.end();
    this.#open = item;
    const content = item.type === "function_call" ? {} : { content: [] };
    yield {
      type: "response.output_item.added",
      output_index: this.done.length,
      item: { ...item, ...content },
    };
    if (item.type === "function_call") return;
    yield this.#event("response.content_part.added", { content_index: 0, part: { ...item.content[0]! } });
  }

  #text(type: string, delta: string): ResponseEvent {
    const item = this.#open as Exclude<OutputItem, { readonly type: "function_call" }>;
    item.content[0]!.text += delta;
    return this.#event(type, {
      content_index: 0,
      delta,
      ...(item.type === "message" && { logprobs: [] }),
    });
  }

  #event(type: string, fields: object): ResponseEvent {
    return { type, item_id: this.#open!.id, output_index: this.done.length, ...fields };
  }
}

/** The items of a whole answer. */
export function itemsOf({ reasoning, content, calls }: Answer, status: ItemEnd): OutputItem[] {
  const items = new OutputItems();
  const write = (part: AnswerPart) => void [...items.write(part)];
  if (reasoning !== "") write({ type: "reasoning", text: reasoning });
  if (content !== "") write({ type: "content", text: content });
  for (const [index, { id, name, arguments: text }] of calls.entries()) {
    write({ type: "call", index, id, name });
    write({ type: "arguments", index, text });
  }
  void [...items.end(status)];
  return items.done;
}

function newReasoning(): OutputItem {
  const content = [{ type: "reasoning_text" as const, text: "" }];
  return {
    type: "reasoning",
    id: itemId("rs"),
    summary: [],
    content,
    encrypted_content: null,
    status: "in_progress",
  };
}

function newMessage(): OutputItem {
  const content = [{ type: "output_text" as const, text: "", annotations: [], logprobs: [] }];
  return { type: "message", id: itemId("msg"), role: "assistant", content, status: "in_progress" };
}

/** A fresh id of an item or a response, as OpenAI writes them. */
export function itemId(prefix: string): string {
  return newId(prefix).replace("-", "_");
}
