/**
 * From the body of a request to `/api/chat` or `/api/generate` to a conversation.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import type { z } from "@hono/zod-openapi";
import type { ChatMessage } from "../../runtime/contracts/chat.ts";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { jsonObjectFormat, jsonSchemaFormat } from "../generation/answer_format.ts";
import { answerSampling } from "../generation/answer_sampling.ts";
import type { RouteContext } from "../generation/context.ts";
import { type Conversation, noParameters } from "../generation/conversation.ts";
import { checkModel, newId } from "../generation/openai.ts";
import { toTool } from "../generation/tools.ts";
import type { ollamaChatRequest, ollamaGenerateRequest, ollamaMessage } from "../schema/ollama.ts";

/** A request that goes on with a conversation, after validation. */
export type ChatRequest = z.infer<typeof ollamaChatRequest>;
/** A request that continues a prompt. */
export type GenerateRequest = z.infer<typeof ollamaGenerateRequest>;
/** Fields of both. */
export type CommonFields = Pick<
  ChatRequest & GenerateRequest,
  "model" | "stream" | "format" | "options" | "think"
>;

/**
 * Refuses a model that is not served. Ollama's names have a tag, which is `latest` where none is given.
 *
 * @throws {AerieError} with code `not_found`
 */
export function checkTaggedModel(name: string, model: ModelInfo): void {
  const names = [model.servedModelName, ...model.modelAliases];
  checkModel(names.includes(name) ? name : name.replace(/:latest$/, ""), model);
}

/** The conversation that a chat goes on with. */
export function ollamaConversation(body: ChatRequest, context: RouteContext): Conversation {
  return {
    ...commonConversation(body, context),
    messages: (body.messages ?? []).map(toChatMessage),
    tools: (body.tools ?? []).map(({ function: { parameters = noParameters, ...tool } }, at) =>
      toTool({ ...tool, parameters }, { param: `tools[${at}].function` })
    ),
  };
}

/** The conversation that a prompt stands for: instructions, and what the user says. */
export function promptConversation(
  { system, prompt = "", ...body }: GenerateRequest,
  context: RouteContext,
): Conversation {
  return {
    ...commonConversation(body, context),
    messages: [...system ? [{ role: "system", content: system }] : [], { role: "user", content: prompt }],
  };
}

function commonConversation(body: CommonFields, context: RouteContext): Conversation {
  const { think } = body, format = formatOf(body);
  return {
    id: newId("ollama"),
    messages: [],
    tools: [],
    toolChoice: { type: "auto" },
    parallelToolCalls: true,
    ...(format !== undefined && { format }),
    ...(think !== undefined && {
      reasoning: {
        enabled: think !== false,
        param: "think",
        ...(typeof think === "string" && { effort: think }),
      },
    }),
    separateReasoning: true,
    render: {},
    sampling: ollamaSampling(body, context),
    numCopies: 1,
  };
}

/**
 * Sampling parameters once the length of the prompt is known.
 *
 * @throws {InvalidRequestError} if the context is too short for the options
 */
export function ollamaSampling(
  { options = {} as NonNullable<CommonFields["options"]> }: CommonFields,
  context: RouteContext,
): Conversation["sampling"] {
  const { contextLength } = context.generator.model;
  const { num_ctx, num_predict = -1, repeat_penalty, repeat_last_n, seed, ...fields } = options;
  if (num_ctx !== undefined && num_ctx > contextLength) {
    throwInvalidField("options.num_ctx", `${num_ctx} is more than the ${contextLength} of this server`);
  }
  const repetition_penalty = repeat_last_n === 0 ? undefined : repeat_penalty;
  return answerSampling(
    { ...fields, repetition_penalty },
    { maxTokens: num_predict < 0 ? undefined : num_predict, seed },
    context,
  );
}

function toChatMessage(message: z.infer<typeof ollamaMessage>): ChatMessage {
  const { role, content = "", thinking, tool_calls: calls = [], tool_name: name, tool_call_id } = message;
  return {
    role,
    content,
    ...(name !== undefined && { name }),
    ...(calls.length > 0 && {
      toolCalls: calls.map(({ id, function: called }) => ({
        ...(id !== undefined && { id }),
        name: called.name,
        arguments: called.arguments,
      })),
    }),
    ...(tool_call_id !== undefined && { toolCallId: tool_call_id }),
    ...(thinking && { reasoning: thinking }),
  };
}

/** What the answer must match. */
export function formatOf({ format }: CommonFields): Conversation["format"] {
  if (format === undefined || format === "") return undefined;
  return format === "json" ? jsonObjectFormat("format") : jsonSchemaFormat(format, "format");
}
