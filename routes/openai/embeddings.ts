/**
 * `/v1/embeddings`.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, type z } from "@hono/zod-openapi";
import { generationErrors, jsonBody, jsonContent } from "../answers/content.ts";
import { toBase64, toNumbers } from "../answers/numbers.ts";
import { jsonResponse, Slices } from "../answers/slices.ts";
import type { RouteContext } from "../generation/context.ts";
import { type EmbeddedPrompt, embedPrompts } from "../generation/embeddings.ts";
import { checkModel, newId } from "../generation/openai.ts";
import { idsOf, promptsOf } from "../generation/prompt.ts";
import { embeddingsRequest, embeddingsResponse } from "../schema/embeddings.ts";

type EmbeddingsResponse = z.infer<typeof embeddingsResponse>;

const route = createRoute({
  method: "post",
  path: "/v1/embeddings",
  summary: "Embed texts",
  request: jsonBody(embeddingsRequest),
  responses: { 200: jsonContent(embeddingsResponse, "The embeddings"), ...generationErrors },
});

/** Adds the endpoint. */
export function addEmbeddings(app: OpenAPIHono, context: RouteContext): void {
  const { model } = context.generator;
  app.openapi(route, async (c) => {
    const body = c.req.valid("json");
    checkModel(body.model, model);
    const { isBatch, prompts } = promptsOf(body.input),
      { dimensions, add_special_tokens: addSpecialTokens } = body;
    const ids = idsOf(body.rid ?? newId("embd"), isBatch, prompts.length);
    const embedded = await embedPrompts(c, context, {
      prompts,
      param: "input",
      ids,
      dimensions,
      addSpecialTokens,
    });
    const slices = new Slices(),
      numTokens = embedded.reduce((sum, { usage }) => sum + usage.numPromptTokens, 0);
    const answer: EmbeddingsResponse = {
      object: "list",
      data: await toData(embedded, body.encoding_format, slices),
      model: model.servedModelName,
      usage: { prompt_tokens: numTokens, total_tokens: numTokens },
    };
    return await jsonResponse(answer, slices);
  });
}

async function toData(
  embedded: readonly EmbeddedPrompt[],
  format: "float" | "base64" = "float",
  slices: Slices,
): Promise<EmbeddingsResponse["data"]> {
  const data: EmbeddingsResponse["data"] = [];
  for (const [index, { embedding }] of embedded.entries()) {
    data.push({
      object: "embedding",
      index,
      embedding: format === "base64" ? toBase64(embedding) : toNumbers(embedding),
    });
    await slices.yieldTurn();
  }
  return data;
}
