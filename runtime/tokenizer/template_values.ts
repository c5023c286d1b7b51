/**
 * Messages as chat templates read them: the names and forms that `transformers` gave them.
 *
 * @module
 */
import type { ChatMessage, ToolCall } from "../contracts/chat.ts";
import { makeDict } from "../jinja/compare.ts";
import type { JsValue } from "../jinja/from_js.ts";
import { readJson } from "../jinja/json_reader.ts";
import { Dict, isList, type Value } from "../jinja/values.ts";

/** A value of a template: what JSON can say, and the arguments of calls, which are read from JSON with all digits. */
export type TemplateValue = JsValue;

/** A message as a template sees it. */
export type TemplateMessage = Readonly<Record<string, TemplateValue>> & { readonly role: string };

/** How a template takes messages. */
export interface MessageForm {
  /** It goes over the parts of a content; otherwise a content is one text. */
  readonly takesParts: boolean;
  /** It has words for the role developer; otherwise that is system. */
  readonly knowsDeveloper: boolean;
  /** A call without words has the content None, which some templates ask for, instead of no text. */
  readonly callsHaveNoContent?: boolean;
  /** Arguments of calls are JSON text instead of the values that it says. */
  readonly argumentsAreText?: boolean;
}

/** Names that templates look for. */
const STRUCTURE: ReadonlySet<string> = new Set([
  ...["role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content", "reasoning"],
  ...["id", "type", "function", "arguments"],
]);

/** Messages with their fields under the names that templates know. A tool's result has the tool's name. */
export function toTemplateMessages(
  messages: readonly ChatMessage[],
  form: MessageForm,
): TemplateMessage[] {
  const names = new Map<string, string>();
  return messages.map((message) => {
    for (const { id, name } of message.toolCalls ?? []) if (id !== undefined) names.set(id, name);
    const name = message.name ?? (message.role === "tool" ? names.get(message.toolCallId ?? "") : undefined);
    return toTemplateMessage({ ...message, ...(name !== undefined && { name }) }, form);
  });
}

function toTemplateMessage(message: ChatMessage, form: MessageForm): TemplateMessage {
  const { role, name, toolCalls, toolCallId, reasoning } = message;
  return {
    role: role === "developer" && !form.knowsDeveloper ? "system" : role,
    content: contentOf(message, form),
    ...(name !== undefined && { name }),
    ...(toolCalls !== undefined && { "tool_calls": toolCalls.map((call) => toTemplateCall(call, form)) }),
    ...(toolCallId !== undefined && { "tool_call_id": toolCallId }),
    // Two words for the same; a template knows one of them.
    ...(reasoning !== undefined && { "reasoning_content": reasoning, reasoning }),
  };
}

function contentOf({ content, contentParts, toolCalls }: ChatMessage, form: MessageForm): TemplateValue {
  if (toolCalls !== undefined && content === "" && form.callsHaveNoContent) return null;
  if (contentParts === undefined || !form.takesParts) return content;
  return contentParts.map((text) => ({ type: "text", text }));
}

function toTemplateCall(
  { id, name, arguments: given }: ToolCall,
  { argumentsAreText = false }: MessageForm,
): TemplateValue {
  const text = () => typeof given === "string" ? given.trim() || "{}" : JSON.stringify(given);
  const values = argumentsAreText
    ? text()
    : typeof given === "string"
    ? parseArguments(given)
    : given as TemplateValue;
  return { ...(id !== undefined && { id }), type: "function", function: { name, arguments: values } };
}

/** The object that a JSON text says; the text itself where it says none. */
function parseArguments(json: string): TemplateValue {
  if (json.trim() === "") return {};
  try {
    const value = readJson(json);
    return value instanceof Dict ? value : json;
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
    if (value instanceof Dict) return mapDict(value, change, changeKey);
    if (isArray(value)) return value.map(map);
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [changeKey(key), map(entry)]));
  };
  return map(value) as T;
}

function mapDict(dict: Dict, change: (text: string) => string, changeKey: (text: string) => string): Dict {
  const map = (value: Value, ofText: (text: string) => string): Value => {
    if (typeof value === "string") return ofText(value);
    if (value instanceof Dict) return mapDict(value, change, changeKey);
    return isList(value) ? value.map((item) => map(item, change)) : value;
  };
  return makeDict(
    [...dict.entries.values()].map(([key, value]) => [map(key, changeKey), map(value, change)]),
  );
}

function isArray(value: object): value is readonly TemplateValue[] {
  return Array.isArray(value);
}

/** All texts in a value, one after the other. */
export function textsIn(value: TemplateValue): string[] {
  const texts: string[] = [];
  mapTexts(value, (text) => {
    texts.push(text);
    return text;
  });
  return texts;
}
