/**
 * From the body of a request for a message to a conversation.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { ChatMessage, ReasoningOptions, ToolCall } from "../../runtime/contracts/chat.ts";
import { jsonSchemaFormat } from "../generation/answer_format.ts";
import { answerSampling } from "../generation/answer_sampling.ts";
import type { RouteContext } from "../generation/context.ts";
import type { Conversation, ToolChoice } from "../generation/conversation.ts";
import { toTool } from "../generation/tools.ts";
import type { countTokensRequest, messagesRequest } from "../schema/anthropic.ts";
import type { anthropicMessage, textBlocks } from "../schema/anthropic_blocks.ts";

/** A request for a message, after validation. */
export type MessagesRequest = z.infer<typeof messagesRequest>;
/** What the prompt of one is rendered from. */
export type PromptFields = z.infer<typeof countTokensRequest>;

type Message = z.infer<typeof anthropicMessage>;
type Block = Exclude<Message["content"], string>[number];

/** The conversation that a request asks to go on with. */
export function messagesConversation(
  body: MessagesRequest,
  id: string,
  context: RouteContext,
): Conversation {
  const { temperature, top_k: topK, top_p: topP, stop_sequences: stop, max_tokens: maxTokens } = body;
  const fields = { temperature, "top_k": topK, "top_p": topP, stop };
  return { ...promptConversation(body, id), sampling: answerSampling(fields, { maxTokens }, context) };
}

/** What is rendered of a request; nothing is sampled. */
export function promptConversation(body: PromptFields, id: string): Omit<Conversation, "sampling"> {
  const { system, messages, tools = [], tool_choice: choice } = body;
  const reasoning = reasoningOf(body);
  const { thinking } = body, format = formatOf(body);
  return {
    id,
    messages: [...system === undefined ? [] : [systemMessage(system)], ...messages.flatMap(toChatMessages)],
    tools: tools.map(({ input_schema: parameters, ...tool }, at) =>
      toTool({ ...tool, parameters }, { parametersParam: `tools[${at}].input_schema` })
    ),
    toolChoice: toToolChoice(choice),
    parallelToolCalls: !(choice !== undefined && "disable_parallel_tool_use" in choice &&
      choice.disable_parallel_tool_use),
    ...(format !== undefined && { format }),
    ...(reasoning !== undefined && { reasoning }),
    ...(thinking?.type === "enabled" && {
      thinkingBudget: thinking.budget_tokens,
      thinkingBudgetParam: "thinking.budget_tokens",
    }),
    separateReasoning: true,
    render: isPrefilled(messages) ? { continueFinalMessage: true } : {},
    numCopies: 1,
  };
}

/** Whether the assistant has begun its answer. A message that ends with calls waits for their results. */
function isPrefilled(messages: readonly Message[]): boolean {
  const last = messages.at(-1);
  if (last?.role !== "assistant") return false;
  return typeof last.content === "string" || last.content.at(-1)?.type === "text";
}

function systemMessage(system: NonNullable<z.infer<typeof textBlocks>>): ChatMessage {
  return { role: "system", ...toContent(system) };
}

/** A text, or its parts where it came in parts. */
function toContent(
  content: string | readonly { readonly text: string }[],
): Pick<ChatMessage, "content" | "contentParts"> {
  if (typeof content === "string") return { content };
  const contentParts = content.map(({ text }) => text);
  return { content: contentParts.join("\n"), contentParts };
}

/** A message of the user becomes several where it has results of calls, each of which is a message of its own. */
function toChatMessages({ role, content }: Message): ChatMessage[] {
  if (typeof content === "string") return [{ role, content }];
  return role === "assistant" ? [assistantMessage(content)] : userMessages(role, content);
}

function assistantMessage(blocks: readonly Block[]): ChatMessage {
  const thoughts = blocks.flatMap((block) => block.type === "thinking" ? [block.thinking] : []);
  const texts = blocks.filter((block) => block.type === "text");
  const toolCalls = blocks.flatMap((block): ToolCall[] =>
    block.type === "tool_use" ? [{ id: block.id, name: block.name, arguments: block.input }] : []
  );
  const reasoning = thoughts.join("\n");
  return {
    role: "assistant",
    ...toContent(texts.length > 1 ? texts : texts[0]?.text ?? ""),
    ...(toolCalls.length > 0 && { toolCalls }),
    ...(reasoning !== "" && { reasoning }),
  };
}

function userMessages(role: string, blocks: readonly Block[]): ChatMessage[] {
  const messages: ChatMessage[] = [];
  let texts: { readonly text: string }[] = [];
  const flush = () => {
    if (texts.length > 0) messages.push({ role, ...toContent(texts) });
    texts = [];
  };
  for (const block of blocks) {
    if (block.type === "text") {
      texts.push(block);
    } else if (block.type === "tool_result") {
      flush();
      messages.push(toolMessage(block));
    }
  }
  flush();
  return messages;
}

function toolMessage(block: Extract<Block, { readonly type: "tool_result" }>): ChatMessage {
  const { tool_use_id: toolCallId, content = "", is_error: isError } = block;
  const { content: text } = toContent(content);
  return { role: "tool", content: isError ? `Error: ${text}` : text, toolCallId };
}

function toToolChoice(choice: PromptFields["tool_choice"]): ToolChoice {
  switch (choice?.type) {
    case "any":
      return { type: "required" };
    case "tool":
      return { type: "named", name: choice.name };
    case "none":
      return { type: "none" };
    default:
      return { type: "auto" };
  }
}

function formatOf(body: PromptFields): Conversation["format"] {
  const { output_config: output, output_format: old } = body;
  if (output?.format !== undefined) {
    return jsonSchemaFormat(output.format.schema, "output_config.format.schema");
  }
  return old && jsonSchemaFormat(old.schema, "output_format.schema");
}

/** Adaptive thinking without an effort is left to the template. */
function reasoningOf({ thinking, output_config: output }: PromptFields): ReasoningOptions | undefined {
  const { effort } = output ?? {};
  if (thinking?.type === "disabled") return { enabled: false, param: "thinking" };
  const withEffort = effort === undefined ? {} : { effort };
  if (thinking?.type === "enabled") return { enabled: true, param: "thinking", ...withEffort };
  return effort === undefined ? undefined : { enabled: true, effort, param: "output_config.effort" };
}
