/**
 * `/v1/messages` and `/v1/messages/count_tokens`.
 *
 * @module
 */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { generationContent, jsonBody, jsonContent } from "../answers/content.ts";
import { answerSampling } from "../generation/answer_sampling.ts";
import type { RouteContext } from "../generation/context.ts";
import { checkModel, newId } from "../generation/openai.ts";
import { prepareConversation } from "../generation/prepare_conversation.ts";
import { respond } from "../generation/respond.ts";
import { countTokensRequest, messagesRequest } from "../schema/anthropic.ts";
import { anthropicError, countTokensResponse, messagesResponse } from "../schema/anthropic_answer.ts";
import { anthropicMessage } from "../schema/anthropic_blocks.ts";
import { messagesConversation, promptConversation } from "./conversation.ts";
import { requestIdOf } from "./errors.ts";
import { MessageFormatter } from "./formatter.ts";

const errors = {
  400: jsonContent(anthropicError, "A field is wrong or not supported; the message names it"),
  401: jsonContent(anthropicError, "The API key is missing or wrong"),
  403: jsonContent(anthropicError, "The request is for another host, or from a web page of another origin"),
  404: jsonContent(anthropicError, "The model is not served here"),
  413: jsonContent(anthropicError, "The body is too large"),
  429: jsonContent(anthropicError, "The queue is full; see `Retry-After`"),
  499: jsonContent(anthropicError, "The request was aborted"),
  529: jsonContent(anthropicError, "The server is starting or stopping; see `Retry-After`"),
} as const;

const messagesRoute = createRoute({
  method: "post",
  path: "/v1/messages",
  summary: "Answer a conversation",
  request: jsonBody(messagesRequest),
  responses: { 200: generationContent(messagesResponse, "The assistant's message"), ...errors },
});

const countRoute = createRoute({
  method: "post",
  path: "/v1/messages/count_tokens",
  summary: "Count the tokens of a conversation",
  request: jsonBody(countTokensRequest),
  responses: { 200: jsonContent(countTokensResponse, "Their number"), ...errors },
});

/** Adds Anthropic's endpoints. */
export function addMessages(app: OpenAPIHono, context: RouteContext): void {
  app.openAPIRegistry.register("AnthropicMessage", anthropicMessage);
  app.openapi(messagesRoute, async (c) => {
    const body = c.req.valid("json");
    checkModel(body.model, context.generator.model);
    const id = newId("msg").replace("-", "_");
    const conversation = messagesConversation(body, id, context);
    const prepared = await prepareConversation(conversation, context, c.req.raw.signal);
    const formatter = new MessageFormatter({ id, body, prepared, context, requestId: requestIdOf(c) });
    return await respond(c, context, prepared.requests, formatter);
  });
  app.openapi(countRoute, async (c) => {
    const body = c.req.valid("json");
    checkModel(body.model, context.generator.model);
    const sampling = answerSampling({}, { maxTokens: 0 }, context);
    const conversation = { ...promptConversation(body, newId("count")), sampling };
    const { promptTokens } = await prepareConversation(conversation, context, c.req.raw.signal);
    return c.json({ "input_tokens": promptTokens.length }, 200);
  });
}
