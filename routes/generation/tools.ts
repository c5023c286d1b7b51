/**
 * The tools of a conversation: what the template gets of them, and what grammars enforce.
 *
 * @module
 */
import type { CallableTool } from "../../runtime/output/call_grammar.ts";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import { jsonObjectGrammar, jsonSchemaGrammar } from "../../runtime/grammars/json_schema.ts";
import { UnenforcedSchemaError } from "../../runtime/grammars/schema_document.ts";
import { throwInvalidField } from "../answers/errors.ts";
import type { Conversation, Tool } from "./conversation.ts";

/** A tool as requests describe it, by whatever names. */
interface DescribedTool {
  readonly name: string;
  readonly description?: string | undefined;
  readonly parameters: Tool["parameters"];
  readonly strict?: boolean | undefined;
}

/** The tool that a request describes; `fields` are those that errors name. */
export function toTool(
  { name, description, parameters, strict }: DescribedTool,
  fields: Pick<Tool, "param" | "parametersParam"> = {},
): Tool {
  return {
    name,
    ...(description !== undefined && { description }),
    parameters,
    ...(strict !== undefined && { strict }),
    ...fields,
  };
}

/** Tools that an answer may call. */
export interface OfferedTools {
  /** As templates know them: JSON in OpenAI's form. */
  readonly rendered: readonly Readonly<Record<string, unknown>>[];
  /** Those that may be called. */
  readonly callable: readonly CallableTool[];
  readonly isRequired: boolean;
  /** Whether their grammars are enforced; if not, they have none. */
  readonly isEnforced: boolean;
}

/**
 * The tools that an answer may call; undefined if it may call none. Where grammars are not enforced, only what asks for
 * a call or for strict arguments needs one: it is refused then.
 *
 * @throws {InvalidRequestError} if tools or choice are wrong
 */
export function offeredTools(
  conversation: Conversation,
  { enforcesGrammars }: Pick<ModelInfo, "enforcesGrammars">,
): OfferedTools | undefined {
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
  const isEnforced = enforcesGrammars || isRequired || tools.some(({ strict }) => strict);
  const callable = tools.flatMap((tool, i) => {
    if (!chosen.includes(tool.name)) return [];
    const param = tool.parametersParam ?? `${paramOf(tool, i)}.parameters`;
    return [{ name: tool.name, grammar: isEnforced ? argumentsOf(tool, param) : "" }];
  });
  return { rendered: tools.map(toRendered), callable, isRequired, isEnforced };
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

/**
 * The grammar of a tool's arguments, which are an object. Where a schema asks for what cannot be enforced, and nobody for
 * strict arguments, it is that of any object, as other servers have it for every tool.
 */
function argumentsOf({ parameters, strict }: Tool, param: string): string {
  const { type = "object" } = parameters;
  if (type !== "object") throwInvalidField(`${param}.type`, "expected object: arguments have names");
  try {
    return jsonSchemaGrammar({ ...parameters, type }, param);
  } catch (error) {
    if (strict || !(error instanceof UnenforcedSchemaError)) throw error;
    return jsonObjectGrammar();
  }
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
