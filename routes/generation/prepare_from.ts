/**
 * Conversations of APIs whose messages come in a field of another name.
 *
 * @module
 */
import { AerieError, InvalidRequestError } from "../../runtime/contracts/errors.ts";
import type { RouteContext } from "./context.ts";
import type { Conversation } from "./conversation.ts";
import { prepareConversation, type PreparedConversation } from "./prepare_conversation.ts";

/** Errors of messages, or of one of them, which need not be the client's by number. */
const ofMessages = /^messages\b/;

/**
 * Prepares a conversation whose messages were made of `field`.
 *
 * @throws {InvalidRequestError} naming `field` where its messages are at fault
 */
export async function prepareFrom(
  field: string,
  conversation: Conversation,
  context: RouteContext,
  signal: AbortSignal,
): Promise<PreparedConversation> {
  try {
    return await prepareConversation(conversation, context, signal);
  } catch (error) {
    throw error instanceof AerieError && error.code === "invalid_request" ? renamed(error, field) : error;
  }
}

function renamed(error: AerieError, field: string): AerieError {
  const { param, problem } = error.details;
  if (typeof param !== "string" || !ofMessages.test(param)) return error;
  const message = error.message.replace(`accept ${param}:`, `accept ${field}:`);
  return new InvalidRequestError(message, field, problem === "context_length" ? problem : undefined);
}
