/**
 * `/api/embed`, and the older `/api/embeddings` of one text.
 *
 * @module
 */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { jsonBody, jsonContent, slicedContent } from "../answers/content.ts";
import { toNumbers } from "../answers/numbers.ts";
import { jsonResponse } from "../answers/slices.ts";
import type { RouteContext } from "../generation/context.ts";
import { embedPrompts } from "../generation/embeddings.ts";
import { newId } from "../generation/openai.ts";
import { ollamaEmbeddingsRequest, ollamaEmbedRequest } from "../schema/ollama.ts";
import { ollamaEmbeddingsResponse, ollamaEmbedResponse } from "../schema/ollama_answer.ts";
import { checkTaggedModel } from "./conversation.ts";
import { ollamaErrors } from "./errors.ts";
import { toNanoseconds } from "./formatter.ts";

const embedRoute = createRoute({
  method: "post",
  path: "/api/embed",
  summary: "Embed texts",
  request: jsonBody(ollamaEmbedRequest),
  responses: { 200: slicedContent(ollamaEmbedResponse, "The embeddings"), ...ollamaErrors },
});

const embeddingsRoute = createRoute({
  method: "post",
  path: "/api/embeddings",
  summary: "Embed a text",
  request: jsonBody(ollamaEmbeddingsRequest),
  responses: { 200: jsonContent(ollamaEmbeddingsResponse, "The embedding"), ...ollamaErrors },
});

/** Adds Ollama's endpoints of embeddings. */
export function addOllamaEmbed(app: OpenAPIHono, context: RouteContext): void {
  const { model } = context.generator;

  app.openapi(embedRoute, async (c) => {
    const startedAt = performance.now(), body = c.req.valid("json");
    checkTaggedModel(body.model, model);
    const { input = [], dimensions } = body, prompts = input === "" ? [] : [input].flat();
    const ids = idsOf(prompts.length);
    const embedded = await embedPrompts(c, context, { prompts, param: "input", ids, dimensions });
    return await jsonResponse({
      model: body.model,
      embeddings: embedded.map(({ embedding }) => toNumbers(embedding)),
      "total_duration": toNanoseconds(performance.now() - startedAt),
      "load_duration": 0,
      "prompt_eval_count": embedded.reduce((sum, { usage }) => sum + usage.numPromptTokens, 0),
    });
  });

  app.openapi(embeddingsRoute, async (c) => {
    const { model: name, prompt = "" } = c.req.valid("json");
    checkTaggedModel(name, model);
    const prompts = prompt === "" ? [] : [prompt];
    const [embedded] = await embedPrompts(c, context, {
      prompts,
      param: "prompt",
      ids: idsOf(prompts.length),
    });
    return c.json({ embedding: embedded === undefined ? [] : toNumbers(embedded.embedding) }, 200);
  });
}

/** Request ids of the texts of one HTTP request. */
function idsOf(numTexts: number): string[] {
  const id = newId("ollama");
  return Array.from({ length: numTexts }, (_, i) => `${id}-${i}`);
}
