/**
 * From a conversation to the generations that answer it, and to readers of their outputs.
 *
 * @module
 */
import type { GenerationRequest } from "../../runtime/contracts/generation.ts";
import type { RenderOptions } from "../../runtime/contracts/chat.ts";
import type { AnswerOutput, AnswerReader, Conversation } from "./conversation.ts";
import type { RouteContext } from "./context.ts";
import { chatTokens } from "./prompt.ts";
import { copiesOf } from "./run.ts";

/** A conversation that is ready to be answered. */
export interface PreparedConversation {
  readonly promptTokens: Int32Array;
  /** One per copy. */
  readonly requests: readonly GenerationRequest[];
  /** A reader for the answer of one copy. */
  reader(): AnswerReader;
}

/**
 * Renders a conversation and says what its answers obey.
 *
 * @throws {InvalidRequestError} if the model cannot be asked so
 */
export async function prepareConversation(
  conversation: Conversation,
  { generator }: RouteContext,
  signal: AbortSignal,
): Promise<PreparedConversation> {
  const { id, numCopies, cacheKey, speculative, reportsRounds, format } = conversation;
  const promptTokens = await chatTokens(
    generator,
    conversation.messages,
    renderOptions(conversation),
    signal,
  );
  const common = {
    ...(cacheKey !== undefined && { cacheKey }),
    ...(speculative !== undefined && { speculative }),
    ...(reportsRounds !== undefined && { reportsRounds }),
    ...(format !== undefined && { constraint: format }),
  };
  const sampling = conversation.sampling(promptTokens.length);
  return {
    promptTokens,
    requests: copiesOf(id, promptTokens, numCopies, sampling, common),
    reader: () => new PlainReader(),
  };
}

function renderOptions({ render, reasoning }: Conversation): RenderOptions {
  return { ...render, ...(reasoning !== undefined && { reasoning }) };
}

/** Reads an answer that is content alone. */
class PlainReader implements AnswerReader {
  readonly numReasoningTokens = 0;

  push({ text }: AnswerOutput): { type: "content"; text: string }[] {
    return text === "" ? [] : [{ type: "content", text }];
  }

  flush(): [] {
    return [];
  }
}
