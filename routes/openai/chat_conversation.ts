/**
 * From the body of a chat request to a conversation.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { cacheKeysOf } from "../generation/cache_keys.ts";
import type { RouteContext } from "../generation/context.ts";
import type { Conversation } from "../generation/conversation.ts";
import { toChatMessage } from "../generation/messages.ts";
import { newId, openaiSampling } from "../generation/openai.ts";
import { outputFormatOf } from "../generation/structured_output.ts";
import { speculationOf } from "../generation/speculation.ts";
import type { chatRequest } from "../schema/chat.ts";
import { reasoningShownBy, renderOptionsOf, thinkingBudgetOf } from "../schema/template_fields.ts";
import { chatTools } from "./chat_tools.ts";

/** A chat request, after validation. */
export type ChatRequest = z.infer<typeof chatRequest>;

/** The conversation that a chat request asks to go on with. */
export function chatConversation(body: ChatRequest, context: RouteContext): Conversation {
  const { reasoning, ...render } = renderOptionsOf(body), format = outputFormatOf(body);
  return {
    id: body.rid ?? body.request_id ?? newId("chatcmpl"),
    messages: body.messages.map(toChatMessage),
    ...chatTools(body),
    ...(reasoning !== undefined && { reasoning }),
    ...thinkingBudgetOf(body),
    ...reasoningShownBy(body),
    ...(format !== undefined && { format }),
    render,
    sampling: (numPromptTokens) => chatSampling(body, numPromptTokens, context),
    numCopies: body.n ?? 1,
    ...cacheKeysOf(body, 1)[0],
    ...speculationOf(body),
  };
}

/**
 * Sampling parameters of a conversation's answer, by copy.
 *
 * @throws {InvalidRequestError} if the tokens asked for do not fit the context
 */
function chatSampling(
  body: ChatRequest,
  numPromptTokens: number,
  context: RouteContext,
): (copy: number) => SamplingParams {
  return openaiSampling(body, {
    limit: limitOf(body),
    defaultLimit: Infinity,
    numPromptTokens,
    numLogprobs: numLogprobsOf(body),
    promptLogprobStart: -1,
  }, context);
}

function limitOf({ max_tokens: old, max_completion_tokens: limit }: ChatRequest) {
  if (old !== undefined && limit !== undefined && old !== limit) {
    throwInvalidField("max_tokens", "differs from max_completion_tokens");
  }
  if (limit !== undefined) return { value: limit, param: "max_completion_tokens" };
  return old === undefined ? undefined : { value: old, param: "max_tokens" };
}

function numLogprobsOf({ logprobs, top_logprobs: numTop }: ChatRequest): number {
  if (numTop && !logprobs) throwInvalidField("top_logprobs", "only allowed with logprobs");
  return logprobs ? numTop ?? 0 : -1;
}
