/**
 * From messages as clients send them to messages as templates know them.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { ChatMessage, ToolCall } from "../../runtime/contracts/chat.ts";
import type { chatMessage } from "../schema/messages.ts";

type Message = z.infer<typeof chatMessage>;

/** Old words for roles that templates know by another. */
const ROLES: Readonly<Record<string, string>> = { function: "tool" };

/** A message for the template. Parts and a refusal become one text, beside the parts; a call in the old form becomes one in the new. */
export function toChatMessage(message: Message): ChatMessage {
  const { role, name, tool_calls: calls, function_call: oldCall, tool_call_id: toolCallId } = message;
  const reasoning = message.reasoning_content || message.reasoning;
  const toolCalls = calls?.length ? calls.map(toToolCall) : oldCall && [toToolCall({ function: oldCall })];
  return {
    role: ROLES[role] ?? role,
    content: textsOf(message).join(" "),
    ...(Array.isArray(message.content) && { contentParts: textsOf(message) }),
    ...(name !== undefined && { name }),
    ...(toolCalls !== undefined && { toolCalls }),
    ...(toolCallId !== undefined && { toolCallId }),
    ...(reasoning && { reasoning }),
  };
}

function textsOf({ content, refusal }: Message): string[] {
  const texts = typeof content === "string"
    ? [content]
    : content?.map((part) => part.type === "text" ? part.text : part.refusal) ?? [];
  return refusal ? [...texts.filter((text) => text !== ""), refusal] : texts;
}

type Call = Pick<NonNullable<Message["tool_calls"]>[number], "function"> & {
  readonly id?: string | undefined;
};

function toToolCall({ id, function: { name, arguments: given = "" } }: Call): ToolCall {
  return { ...(id !== undefined && { id }), name, arguments: given };
}
