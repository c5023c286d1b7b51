/**
 * From the body of a request for a response to a conversation.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { ChatMessage, ToolCall } from "../../runtime/contracts/chat.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { jsonObjectFormat, jsonSchemaFormat } from "../generation/answer_format.ts";
import { answerSampling } from "../generation/answer_sampling.ts";
import { cacheKeysOf } from "../generation/cache_keys.ts";
import type { RouteContext } from "../generation/context.ts";
import { checkArguments } from "../generation/messages.ts";
import { type Conversation, noParameters, type ToolChoice } from "../generation/conversation.ts";
import { toTool } from "../generation/tools.ts";
import type { responsesRequest } from "../schema/responses.ts";
import type { responsesItem } from "../schema/responses_items.ts";
import { itemId } from "./responses_output.ts";
import type { StoredItem, StoredResponses } from "./stored_responses.ts";

/** A request for a response, after validation. */
export type ResponsesRequest = z.infer<typeof responsesRequest>;

/** An item that is no reference. */
export type ConversationItem = Exclude<StoredItem, { readonly type: "item_reference" }>;

const ID_PREFIXES = {
  message: "msg",
  function_call: "fc",
  function_call_output: "fco",
  reasoning: "rs",
} as const;

/**
 * All items that a request brings: those of the response it continues, then its own. References are replaced by what
 * they name.
 *
 * @throws {AerieError} with code `not_found` if it continues what is not stored
 * @throws {InvalidRequestError} if it continues what is still being made, refers to what is not stored, or arguments of
 * a call are no JSON object
 */
export function itemsOfRequest(body: ResponsesRequest, stored: StoredResponses): ConversationItem[] {
  const { previous_response_id: previousId, input } = body;
  const previous = previousId === undefined ? undefined : stored.ended(previousId, "previous_response_id");
  const earlier = previous === undefined ? [] : [...previous.input, ...previous.response.output];
  const own = typeof input === "string" ? [userMessage(input)] : input;
  return [
    ...earlier as ConversationItem[],
    ...own.map((item, at): ConversationItem => {
      if (item.type === "function_call") checkArguments(item.arguments, `input[${at}].arguments`);
      if (item.type !== "item_reference") {
        return { ...item, id: item.id ?? itemId(ID_PREFIXES[item.type ?? "message"]) } as ConversationItem;
      }
      const found = stored.item(item.id);
      if (found === undefined) throwInvalidField(`input[${at}].id`, "no such item is stored here");
      return found as ConversationItem;
    }),
  ];
}

function userMessage(content: string): z.infer<typeof responsesItem> {
  return { type: "message", role: "user", content, id: undefined, status: undefined, phase: undefined };
}

/** The conversation that a request asks to go on with. */
export function responsesConversation(
  body: ResponsesRequest,
  { id, items }: { readonly id: string; readonly items: readonly ConversationItem[] },
  context: RouteContext,
): Conversation {
  const { instructions, reasoning, text, max_output_tokens: maxTokens, seed } = body;
  const { effort } = reasoning ?? {}, format = formatOf(text?.format);
  const param = "max_output_tokens";
  return {
    id,
    messages: [
      ...instructions ? [{ role: "system", content: instructions }] : [],
      ...toChatMessages(items),
    ],
    tools: (body.tools ?? []).map(({ parameters = noParameters, ...tool }) =>
      toTool({ ...tool, parameters })
    ),
    ...choiceOf(body.tool_choice),
    parallelToolCalls: body.parallel_tool_calls ?? true,
    ...(format !== undefined && { format }),
    ...(effort !== undefined &&
      { reasoning: { enabled: effort !== "none", effort, param: "reasoning.effort" } }),
    separateReasoning: true,
    render: {},
    sampling: answerSampling(body, { maxTokens, param, seed }, context),
    numCopies: 1,
    ...cacheKeysOf(body, 1)[0],
    ...(body.speculative !== undefined && { speculative: body.speculative }),
  };
}

/** Items of the assistant that follow each other are one message: what it thought, said and called. */
function toChatMessages(items: readonly ConversationItem[]): ChatMessage[] {
  const messages: ChatMessage[] = [];
  let turn = new AssistantTurn();
  const flush = () => {
    if (!turn.isEmpty) messages.push(turn.message());
    turn = new AssistantTurn();
  };
  for (const item of items) {
    switch (item.type) {
      case "reasoning":
        if (turn.hasSpoken) flush();
        turn.thoughts.push(
          ...(item.content?.length ? item.content : item.summary ?? []).map(({ text }) => text),
        );
        break;
      case "function_call":
        turn.calls.push({ id: item.call_id, name: item.name, arguments: item.arguments });
        break;
      case "function_call_output":
        flush();
        messages.push({ role: "tool", ...toContent(item.output), toolCallId: item.call_id });
        break;
      default:
        if (item.role !== "assistant") {
          flush();
          messages.push({ role: item.role, ...toContent(item.content) });
        } else {
          if (turn.hasSpoken) flush();
          turn.content = toContent(item.content);
        }
    }
  }
  flush();
  return messages;
}

/** What the assistant thought, said and called in one turn. */
class AssistantTurn {
  readonly thoughts: string[] = [];
  content: Pick<ChatMessage, "content" | "contentParts"> | undefined;
  readonly calls: ToolCall[] = [];

  get hasSpoken(): boolean {
    return this.content !== undefined || this.calls.length > 0;
  }

  get isEmpty(): boolean {
    return !this.hasSpoken && this.thoughts.length === 0;
  }

  message(): ChatMessage {
    const reasoning = this.thoughts.join("\n");
    return {
      role: "assistant",
      ...this.content ?? { content: "" },
      ...(this.calls.length > 0 && { toolCalls: this.calls }),
      ...(reasoning !== "" && { reasoning }),
    };
  }
}

type Part = { readonly text: string } | { readonly refusal: string };

/** A text, or its parts where it came in several. */
function toContent(content: string | readonly Part[]): Pick<ChatMessage, "content" | "contentParts"> {
  if (typeof content === "string") return { content };
  const contentParts = content.map((part) => "text" in part ? part.text : part.refusal);
  return { content: contentParts.join("\n"), ...(contentParts.length > 1 && { contentParts }) };
}

function choiceOf(
  choice: ResponsesRequest["tool_choice"],
): { toolChoice: ToolChoice; allowedTools?: readonly string[] } {
  if (typeof choice !== "object") return { toolChoice: { type: choice ?? "auto" } };
  if (choice.type === "function") return { toolChoice: { type: "named", name: choice.name } };
  return { toolChoice: { type: choice.mode }, allowedTools: choice.tools.map(({ name }) => name) };
}

function formatOf(format: NonNullable<ResponsesRequest["text"]>["format"]): Conversation["format"] {
  switch (format?.type) {
    case "json_object":
      return jsonObjectFormat("text.format");
    case "json_schema":
      return jsonSchemaFormat(format.schema, "text.format.schema");
    default:
      return undefined;
  }
}
