/**
 * The tools of a conversation: what the template gets of them, and what grammars enforce.
 *
 * @module
 */
import type { CallableTool } from "../../runtime/output/call_grammar.ts";
import { throwInvalidField } from "../answers/errors.ts";
import type { Conversation, Tool } from "./conversation.ts";

/** Tools that an answer may call. */
export interface OfferedTools {
  /** As templates know them: JSON in OpenAI's form. */
  readonly rendered: readonly Readonly<Record<string, unknown>>[];
  /** Those that may be called. */
  readonly callable: readonly CallableTool[];
  readonly isRequired: boolean;
}

/**
 * The tools that an answer may call; undefined if it may call none.
 *
 * @throws {InvalidRequestError} if tools or choice are wrong
 */
export function offeredTools(conversation: Conversation): OfferedTools | undefined {
  const { tools, toolChoice, allowedTools } = conversation;
  checkNames(tools);
  const names = new Set(tools.map(({ name }) => name));
  const chosen = toolChoice.type === "named" ? [toolChoice.name] : allowedTools ?? [...names];
  const unknown = chosen.find((name) => !names.has(name));
  if (unknown !== undefined) throwInvalidField("tool_choice", `there is no tool ${JSON.stringify(unknown)}`);
  const isRequired = toolChoice.type === "required" || toolChoice.type === "named";
  if (isRequired && chosen.length === 0) {
    throwInvalidField("tool_choice", "it asks for a call, and there are no tools");
  }
  if (toolChoice.type === "none" || chosen.length === 0) return undefined;
  const callable = tools.flatMap((tool, i) =>
    chosen.includes(tool.name) ? [{ name: tool.name, schema: schemaOf(tool, paramOf(tool, i)) }] : []
  );
  return { rendered: tools.map(toRendered), callable, isRequired };
}

function checkNames(tools: readonly Tool[]): void {
  const seen = new Set<string>();
  for (const [i, tool] of tools.entries()) {
    const param = `${paramOf(tool, i)}.name`;
    if (!/^[\w.:/-]{1,128}$/.test(tool.name)) {
      throwInvalidField(param, "expected 1 to 128 letters, digits, or any of _ - . : /");
    }
    if (seen.has(tool.name)) throwInvalidField(param, `there are two tools ${JSON.stringify(tool.name)}`);
    seen.add(tool.name);
  }
}

function paramOf({ param }: Tool, index: number): string {
  return param ?? `tools[${index}]`;
}

/** The schema of a tool's arguments, which are an object. */
function schemaOf({ parameters }: Tool, param: string): unknown {
  const { type = "object" } = parameters;
  if (type !== "object") {
    throwInvalidField(`${param}.parameters.type`, "expected object: arguments have names");
  }
  return { ...parameters, type };
}

function toRendered({ name, description, parameters, strict }: Tool): Readonly<Record<string, unknown>> {
  return {
    type: "function",
    function: {
      name,
      ...(description !== undefined && { description }),
      parameters,
      ...(strict !== undefined && { strict }),
    },
  };
}
