/**
 * `/api/chat` and `/api/generate`.
 *
 * @module
 */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { jsonBody, lineContent } from "../answers/content.ts";
import type { RouteContext } from "../generation/context.ts";
import { prepareConversation } from "../generation/prepare_conversation.ts";
import { prepareFrom } from "../generation/prepare_from.ts";
import { respond } from "../generation/respond.ts";
import { ollamaChatRequest, ollamaGenerateRequest, ollamaMessage } from "../schema/ollama.ts";
import { ollamaChatResponse, ollamaGenerateResponse } from "../schema/ollama_answer.ts";
import { checkTaggedModel, ollamaConversation, promptConversation } from "./conversation.ts";
import { ollamaErrors } from "./errors.ts";
import { prepareText } from "./text.ts";
import { chatWording, OllamaFormatter, promptWording } from "./formatter.ts";

const chatRoute = createRoute({
  method: "post",
  path: "/api/chat",
  summary: "Answer a conversation",
  request: jsonBody(ollamaChatRequest),
  responses: { 200: lineContent(ollamaChatResponse, "The answer"), ...ollamaErrors },
});

const generateRoute = createRoute({
  method: "post",
  path: "/api/generate",
  summary: "Answer a prompt",
  request: jsonBody(ollamaGenerateRequest),
  responses: { 200: lineContent(ollamaGenerateResponse, "The answer"), ...ollamaErrors },
});

/** Adds Ollama's endpoints of answers. */
export function addOllamaChat(app: OpenAPIHono, context: RouteContext): void {
  app.openAPIRegistry.register("OllamaMessage", ollamaMessage);

  app.openapi(chatRoute, async (c) => {
    const body = c.req.valid("json"), { model, messages = [], stream = true } = body;
    checkTaggedModel(model, context.generator.model);
    const wording = chatWording;
    if (messages.length === 0) return loaded(c, { model, ...wording(nothing) });
    const conversation = ollamaConversation(body, context);
    const prepared = await prepareConversation(conversation, context, c.req.raw.signal);
    const formatter = new OllamaFormatter({ model, stream, prepared, wording });
    return await respond(c, context, prepared.requests, formatter);
  });

  app.openapi(generateRoute, async (c) => {
    const body = c.req.valid("json"), { model, prompt = "", raw, stream = true } = body;
    checkTaggedModel(model, context.generator.model);
    const wording = promptWording, { signal } = c.req.raw;
    if (prompt === "") return loaded(c, { model, ...wording(nothing) });
    const prepared = raw || body.suffix
      ? await prepareText(body, context, signal)
      : await prepareFrom("prompt", promptConversation(body, context), context, signal);
    const formatter = new OllamaFormatter({ model, stream, prepared, wording });
    return await respond(c, context, prepared.requests, formatter);
  });
}

const nothing = { content: "", thinking: "", calls: [] };

/** What is answered where nothing was asked: the model is loaded. */
function loaded(c: Context, said: object): Response {
  return c.json({ ...said, created_at: new Date().toISOString(), done: true, done_reason: "load" }, 200);
}
