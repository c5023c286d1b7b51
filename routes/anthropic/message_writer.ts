/**
 * Writes the parts of an answer as blocks of an Anthropic message, and as the events that such a message is streamed by.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { z } from "@hono/zod-openapi";
import type { Answer, AnswerPart } from "../generation/conversation.ts";
import type { messagesResponse } from "../schema/anthropic_answer.ts";

type Block = z.infer<typeof messagesResponse>["content"][number];

/** How thinking is shown. */
export interface WriterOptions {
  /** Leave the text of thinking out. */
  readonly omitsThinking: boolean;
}

/** The blocks of a whole answer. */
export function blocksOf({ reasoning, content, calls }: Answer, { omitsThinking }: WriterOptions): Block[] {
  const blocks: Block[] = [];
  if (reasoning !== "") {
    const thinking = omitsThinking ? "" : reasoning;
    blocks.push({ type: "thinking", thinking, signature: signatureOf(reasoning) });
  }
  if (content !== "") blocks.push({ type: "text", text: content, citations: null });
  for (const { id, name, arguments: text } of calls) blocks.push(toolUse(id, name, inputOf(text)));
  return blocks;
}

/** Events of the blocks of an answer, part by part. */
export class BlockEvents {
  readonly #omitsThinking: boolean;
  #index = -1;
  /** The block that is open. */
  #open: "thinking" | "text" | "tool_use" | undefined;
  #thinking = "";

  constructor({ omitsThinking }: WriterOptions) {
    this.#omitsThinking = omitsThinking;
  }

  /** Events of the next part. */
  *write(part: AnswerPart): Generator<object> {
    switch (part.type) {
      case "reasoning":
        yield* this.#start({ type: "thinking", thinking: "", signature: "" });
        this.#thinking += part.text;
        if (!this.#omitsThinking) yield this.#delta({ type: "thinking_delta", thinking: part.text });
        break;
      case "content":
        yield* this.#start({ type: "text", text: "", citations: null });
        yield this.#delta({ type: "text_delta", text: part.text });
        break;
      case "call":
        yield* this.end();
        yield* this.#start(toolUse(part.id, part.name, {}));
        break;
      case "arguments":
        yield this.#delta({ type: "input_json_delta", partial_json: part.text });
    }
  }

  /** Ends the block that is open. */
  *end(): Generator<object> {
    if (this.#open === undefined) return;
    if (this.#open === "thinking") {
      yield this.#delta({ type: "signature_delta", signature: signatureOf(this.#thinking) });
      this.#thinking = "";
    }
    yield { type: "content_block_stop", index: this.#index };
    this.#open = undefined;
  }

  /** Starts a block unless one of its type is open. */
  *#start(block: Block): Generator<object> {
    if (this.#open === block.type) return;
    yield* this.end();
    this.#open = block.type;
    yield { type: "content_block_start", index: ++this.#index, content_block: block };
  }

  #delta(delta: object): object {
    return { type: "content_block_delta", index: this.#index, delta };
  }
}

function toolUse(id: string, name: string, input: Record<string, unknown>): Block {
  return { type: "tool_use", id, name, input, caller: { type: "direct" } };
}

/** Arguments by name; none where the limit of tokens has cut them, which the answer's stop reason says. */
function inputOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Says which thinking it belongs to. Clients drop thinking without one; nothing here checks it. */
function signatureOf(thinking: string): string {
  return createHash("sha256").update(thinking).digest("base64");
}
