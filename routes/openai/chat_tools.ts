/**
 * Tools of a chat request, in the new form and in the old.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import { throwInvalidField } from "../answers/errors.ts";
import type { Conversation, Tool, ToolChoice } from "../generation/conversation.ts";
import { toTool } from "../generation/tools.ts";
import type { chatRequest } from "../schema/chat.ts";

type ChatRequest = z.infer<typeof chatRequest>;
type ChosenTools = Pick<Conversation, "tools" | "toolChoice" | "allowedTools" | "parallelToolCalls">;

/** Whether a request asks in the old form, in which an answer has one call at most and says so in its own words. */
export function isOldForm({ functions = [] }: ChatRequest): boolean {
  return functions.length > 0;
}

/**
 * The tools that a request offers, and what it asks of them.
 *
 * @throws {InvalidRequestError} if it uses both forms
 */
export function chatTools(body: ChatRequest): ChosenTools {
  const { tools = [], tool_choice: choice, parallel_tool_calls: isParallel = true } = body;
  if (isOldForm(body)) {
    if (tools.length > 0) throwInvalidField("functions", "tools are given too");
    return oldTools(body);
  }
  return {
    tools: tools.map(({ function: tool }, i) => describedTool(tool, `tools[${i}].function`)),
    ...toChoice(choice, tools.length > 0),
    parallelToolCalls: isParallel,
  };
}

function oldTools({ functions = [], function_call: choice = "auto" }: ChatRequest): ChosenTools {
  return {
    tools: functions.map((tool, i) => describedTool(tool, `functions[${i}]`)),
    toolChoice: typeof choice === "string" ? { type: choice } : { type: "named", name: choice.name },
    parallelToolCalls: false,
  };
}

type Described = NonNullable<ChatRequest["functions"]>[number] & { readonly strict?: boolean | undefined };

function describedTool(described: Described, param: string): Tool {
  return toTool({ ...described, parameters: described.parameters ?? {} }, { param });
}

function toChoice(
  choice: ChatRequest["tool_choice"],
  hasTools: boolean,
): { readonly toolChoice: ToolChoice; readonly allowedTools?: readonly string[] } {
  if (choice === undefined) return { toolChoice: { type: hasTools ? "auto" : "none" } };
  if (typeof choice === "string") return { toolChoice: { type: choice } };
  if (choice.type === "function") return { toolChoice: { type: "named", name: choice.function.name } };
  const { mode, tools } = choice.allowed_tools;
  return { toolChoice: { type: mode }, allowedTools: tools.map(({ function: { name } }) => name) };
}
