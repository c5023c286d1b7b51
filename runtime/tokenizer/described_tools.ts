/**
 * Tools in words, for chat templates that have none for them: the system's message describes them, calls and their
 * results are text in the form of Hermes 2 Pro, which many small models have learnt.
 *
 * @module
 */
import type { ChatMessage, ToolCall } from "../contracts/chat.ts";

type Tools = readonly Readonly<Record<string, unknown>>[];

/** Which message describes the tools: some templates have no words for the system. */
export type Describer = "system" | "user";

/** The same conversation in messages that have text alone. */
export function describeTools(
  messages: readonly ChatMessage[],
  tools: Tools | undefined,
  describer: Describer,
): ChatMessage[] {
  const texts = joinResults(messages.map(toText));
  return tools?.length ? withDescription(texts, descriptionOf(tools), describer) : texts;
}

function descriptionOf(tools: Tools): string {
  return [
    "You can call these functions:",
    "<tools>",
    ...tools.map((tool) => JSON.stringify(tool)),
    "</tools>",
    "To call one, or several after each other, write for each:",
    "<tool_call>",
    '{"name": <function name>, "arguments": <object of arguments>}',
    "</tool_call>",
  ].join("\n");
}

function withDescription(
  messages: readonly ChatMessage[],
  description: string,
  describer: Describer,
): ChatMessage[] {
  const isSystem = ({ role }: ChatMessage) => role === "system" || role === "developer";
  const first = messages[0];
  if (describer === "system" && (first === undefined || !isSystem(first))) {
    return [{ role: "system", content: description }, ...messages];
  }
  const at = describer === "system" ? 0 : messages.findIndex(({ role }) => role === "user");
  return messages.map((message, i) => {
    if (i !== at) return message;
    const content = describer === "system"
      ? `${message.content}\n\n${description}`
      : `${description}\n\n${message.content}`;
    return { role: message.role, content };
  });
}

function toText(message: ChatMessage): ChatMessage {
  const { role, content, toolCalls, reasoning } = message;
  if (role === "tool") return { role, content: `<tool_response>\n${content}\n</tool_response>` };
  if (toolCalls === undefined) return message;
  const texts = [...(content === "" ? [] : [content]), ...toolCalls.map(callText)];
  return { role, content: texts.join("\n"), ...(reasoning !== undefined && { reasoning }) };
}

function callText({ name, arguments: given }: ToolCall): string {
  const text = typeof given === "string" ? given.trim() || "{}" : JSON.stringify(given);
  return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${text}}\n</tool_call>`;
}

/** Results that follow each other are one message, the user's. */
function joinResults(messages: readonly ChatMessage[]): ChatMessage[] {
  const joined: ChatMessage[] = [];
  for (const [i, message] of messages.entries()) {
    if (message.role !== "tool") joined.push(message);
    else if (messages[i - 1]?.role !== "tool") joined.push({ role: "user", content: message.content });
    else joined.push({ role: "user", content: `${joined.pop()!.content}\n${message.content}` });
  }
  return joined;
}
