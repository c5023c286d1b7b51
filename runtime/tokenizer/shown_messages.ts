/**
 * Whether a chat template shows what messages carry besides text that every template shows: calls of tools, their
 * answers, and tools that are offered. A template says so by what it renders: it is rendered once more with a mark in each, and the marks must
 * arrive.
 *
 * @module
 */
import { InvalidRequestError } from "../contracts/errors.ts";
import type { TemplateMessage, TemplateValue } from "./template_values.ts";

/** Something with a mark in it; the mark has its place in the list. */
interface Marked {
  /** The request field it came in. */
  readonly param: string;
  /** What the template does not show if the mark is missing. */
  readonly what: string;
}

/** What a template gets of a conversation. */
export interface Shown {
  readonly messages: readonly TemplateMessage[];
  /** A list, or null. */
  readonly tools: TemplateValue;
}

/**
 * Refuses messages whose calls of tools or answers to them are missing in what `render` makes of them, and tools that
 * are. `guard` is a character that occurs in none of them.
 *
 * @throws {InvalidRequestError} naming the message's field
 */
export function assertShown(
  { messages, tools }: Shown,
  guard: string,
  render: (shown: Shown) => string,
): void {
  const marks: Marked[] = [];
  const mark = (param: string, what: string): string => {
    // Guarded texts have no two guards in a row.
    return `${guard}${guard}${marks.push({ param, what }) - 1}${guard}`;
  };
  const marked = messages.map((message, i) => markMessage(message, `messages[${i}]`, mark));
  const markedTools = markTools(tools, mark);
  if (marks.length === 0) return;
  const arrived = render({ messages: marked, tools: markedTools }).matchAll(
    new RegExp(`${guard}${guard}(\\d+)${guard}`, "g"),
  );
  const shown = new Set([...arrived].map(([, at]) => Number(at)));
  const missing = marks.find((_, at) => !shown.has(at));
  if (missing === undefined) return;
  throw new InvalidRequestError(
    `Cannot accept ${missing.param}: the model's chat template does not show ${missing.what}`,
    missing.param,
  );
}

function markTools(tools: TemplateValue, mark: (param: string, what: string) => string): TemplateValue {
  if (!Array.isArray(tools)) return tools;
  return tools.map((tool, i) => {
    const { function: described } = tool as { function?: { readonly name?: TemplateValue } };
    if (typeof described?.name !== "string") return tool;
    return {
      ...tool as object,
      function: { ...described, name: described.name + mark(`tools[${i}]`, "tools") },
    };
  });
}

function markMessage(
  message: TemplateMessage,
  param: string,
  mark: (param: string, what: string) => string,
): TemplateMessage {
  const calls = message["tool_calls"] as
    | readonly { readonly function: { readonly name: string } }[]
    | undefined;
  if (calls !== undefined) {
    const marked = calls.map((call) => ({
      ...call,
      function: {
        ...call.function,
        name: call.function.name + mark(`${param}.tool_calls`, "calls of tools"),
      },
    }));
    return { ...message, "tool_calls": marked as unknown as TemplateValue };
  }
  if (message.role !== "tool") return message;
  const own = mark(`${param}.role`, "messages of role tool"), { content } = message;
  const marked = typeof content === "string"
    ? content + own
    : [...content as [], { type: "text", text: own }];
  return { ...message, content: marked };
}
