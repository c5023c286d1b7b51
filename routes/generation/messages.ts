/**
 * From messages as clients send them to messages as templates know them.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { ChatMessage, ToolCall } from "../../runtime/contracts/chat.ts";
import { clip, throwInvalidField } from "../answers/errors.ts";
import type { chatMessage } from "../schema/messages.ts";

type Message = z.infer<typeof chatMessage>;

/** Old words for roles that templates know by another. */
const ROLES: Readonly<Record<string, string>> = { function: "tool" };

/**
 * A message for the template. Parts and a refusal become one text, beside the parts; a call in the old form becomes one
 * in the new.
 *
 * @param index its place in `messages`
 * @throws {InvalidRequestError} if the arguments of a call are no JSON object
 */
export function toChatMessage(message: Message, index: number): ChatMessage {
  const { role, name, tool_calls: calls, function_call: oldCall, tool_call_id: toolCallId } = message;
  const reasoning = message.reasoning_content || message.reasoning;
  const path = `messages[${index}]`;
  const toolCalls = calls?.length
    ? calls.map((call, i) => toToolCall(call, `${path}.tool_calls[${i}].function.arguments`))
    : oldCall && [toToolCall({ function: oldCall }, `${path}.function_call.arguments`)];
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

function toToolCall({ id, function: { name, arguments: given = "" } }: Call, param: string): ToolCall {
  if (typeof given === "string") checkArguments(given, param);
  return { ...(id !== undefined && { id }), name, arguments: given };
}

/**
 * Checks the arguments of a call in the history: templates show them as values. An empty text stands for none.
 *
 * @throws {InvalidRequestError} naming `param` if they are no JSON text of an object
 */
export function checkArguments(text: string, param: string): void {
  if (text.trim() === "") return;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throwInvalidField(param, `it is no JSON: ${clip((error as Error).message)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throwInvalidField(param, "expected JSON text of an object");
  }
}
