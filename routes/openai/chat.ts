/**
 * `/v1/chat/completions`.
 *
 * @module
 */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { generationContent, generationErrors, jsonBody } from "../answers/content.ts";
import type { RouteContext } from "../generation/context.ts";
import { checkOpenai } from "../generation/openai.ts";
import { prepareConversation } from "../generation/prepare_conversation.ts";
import { respond } from "../generation/respond.ts";
import { chatRequest, chatResponse } from "../schema/chat.ts";
import { chatMessage } from "../schema/messages.ts";
import { chatConversation } from "./chat_conversation.ts";
import { ChatFormatter } from "./chat_formatter.ts";

const route = createRoute({
  method: "post",
  path: "/v1/chat/completions",
  summary: "Answer a conversation",
  request: jsonBody(chatRequest),
  responses: { 200: generationContent(chatResponse, "The answer"), ...generationErrors },
});

/** Adds the chat endpoint. */
export function addChat(app: OpenAPIHono, context: RouteContext): void {
  app.openAPIRegistry.register("ChatMessage", chatMessage);
  app.openapi(route, async (c) => {
    const body = c.req.valid("json");
    checkOpenai(body, 1, context.generator.model);
    const conversation = chatConversation(body, context), { id } = conversation;
    const prepared = await prepareConversation(conversation, context, c.req.raw.signal);
    const formatter = new ChatFormatter({ id, body, prepared, context });
    return await respond(c, context, prepared.requests, formatter);
  });
}
