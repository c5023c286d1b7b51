/**
 * Messages as chat templates read them: the names and forms that `transformers` gave them.
 *
 * @module
 */
import type { ChatMessage, ToolCall } from "../contracts/chat.ts";

/** A value of a template: what JSON can say. */
export type TemplateValue =
  | string
  | number
  | boolean
  | null
  | readonly TemplateValue[]
  | { readonly [key: string]: TemplateValue };

/** A message as a template sees it. */
export type TemplateMessage = Readonly<Record<string, TemplateValue>> & {
  readonly role: string;
  readonly content: string;
};

/** Names that templates look for. */
const STRUCTURE: ReadonlySet<string> = new Set([
  ...["role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content", "reasoning"],
  ...["id", "type", "function", "arguments"],
]);

/** The fields of a message under the names that templates know. */
export function toTemplateMessage(message: ChatMessage): TemplateMessage {
  const { role, content, name, toolCalls, toolCallId, reasoning } = message;
  return {
    role,
    content,
    ...(name !== undefined && { name }),
    ...(toolCalls !== undefined && { "tool_calls": toolCalls.map(toTemplateCall) }),
    ...(toolCallId !== undefined && { "tool_call_id": toolCallId }),
    // Two words for the same; a template knows one of them.
    ...(reasoning !== undefined && { "reasoning_content": reasoning, reasoning }),
  };
}

function toTemplateCall({ id, name, arguments: given }: ToolCall): TemplateValue {
  const values = typeof given === "string" ? parseArguments(given) : given as TemplateValue;
  return { ...(id !== undefined && { id }), type: "function", function: { name, arguments: values } };
}

/** The object that a JSON text says; the text itself where it says none, or has digits that a number would lose. */
function parseArguments(json: string): TemplateValue {
  if (json.trim() === "") return {};
  if (/\d{16}/.test(json)) return json;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as TemplateValue
      : json;
  } catch {
    return json;
  }
}

/** The same value with `change` done to each of its texts, the keys of objects included but for those of messages. */
export function mapTexts<T extends TemplateValue>(value: T, change: (text: string) => string): T {
  const changeKey = (key: string) => STRUCTURE.has(key) ? key : change(key);
  const map = (value: TemplateValue): TemplateValue => {
    if (typeof value === "string") return change(value);
    if (typeof value !== "object" || value === null) return value;
    if (isList(value)) return value.map(map);
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [changeKey(key), map(entry)]));
  };
  return map(value) as T;
}

function isList(value: object): value is readonly TemplateValue[] {
  return Array.isArray(value);
}
