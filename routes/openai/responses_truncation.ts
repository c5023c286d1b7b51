/**
 * Truncation of long conversations: what does not fit the context is dropped at their beginning, turn by turn.
 *
 * @module
 */
import { AerieError } from "../../runtime/contracts/errors.ts";
import type { PreparedConversation } from "../generation/prepare_conversation.ts";
import type { ConversationItem } from "./responses_conversation.ts";

/**
 * Prepares a conversation of as many of its last turns as fit. Instructions among the items stay; a turn begins with what
 * the user says, so that no call is parted from its output.
 *
 * @throws {InvalidRequestError} if not even the last turn fits, or for any other reason of `prepare`
 */
export async function prepareTruncated(
  items: readonly ConversationItem[],
  prepare: (items: readonly ConversationItem[]) => Promise<PreparedConversation>,
): Promise<PreparedConversation> {
  const starts = items.flatMap((item, at) => isOf(item, "user") ? [at] : []);
  const from = async (turn: number) => {
    const start = starts[turn] ?? 0;
    const kept = items.filter((item, at) => at >= start || isOf(item, "system") || isOf(item, "developer"));
    try {
      return await prepare(kept);
    } catch (error) {
      if (!isTooLong(error) || turn >= starts.length - 1) throw error;
      return undefined;
    }
  };
  let prepared = await from(0);
  if (prepared !== undefined) return prepared;
  // The last turn, then by bisection the first one from which all fits.
  let tooMany = 0, fitting = starts.length - 1;
  prepared = await from(fitting);
  while (fitting - tooMany > 1) {
    const turn = (tooMany + fitting) >> 1, tried = await from(turn);
    if (tried === undefined) tooMany = turn;
    else [fitting, prepared] = [turn, tried];
  }
  return prepared!;
}

function isOf(item: ConversationItem, role: string): boolean {
  return "role" in item && item.role === role;
}

function isTooLong(error: unknown): boolean {
  return error instanceof AerieError && error.details.problem === "context_length";
}
