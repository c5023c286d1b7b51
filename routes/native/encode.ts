/**
 * The native `/encode`: SGLang's own form of embeddings.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { generationErrors, jsonBody, jsonContent } from "../answers/content.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { toNumbers } from "../answers/numbers.ts";
import { jsonResponse, Slices } from "../answers/slices.ts";
import type { RouteContext } from "../generation/context.ts";
import { embedPrompts } from "../generation/embeddings.ts";
import { newId } from "../generation/openai.ts";
import { idsOf, promptsOf } from "../generation/prompt.ts";
import { encodeRequest, encodeResult } from "../schema/embeddings.ts";

type EncodeResult = z.infer<typeof encodeResult>;

const route = {
  path: "/encode",
  summary: "Embed texts, native form",
  request: jsonBody(encodeRequest),
  responses: {
    200: jsonContent(z.union([encodeResult, z.array(encodeResult)]), "One result, or a list for a list"),
    ...generationErrors,
  },
};

/** Adds the native endpoint. */
export function addEncode(app: OpenAPIHono, context: RouteContext): void {
  for (const method of ["post", "put"] as const) {
    app.openapi(createRoute({ ...route, method }), async (c) => {
      const { text, input_ids: tokens, rid, dimensions, return_prompt_token_ids: wantsPrompt } = c.req.valid(
        "json",
      );
      if (text !== undefined && tokens !== undefined) throwInvalidField("input_ids", "text is given too");
      const { isBatch, prompts } = promptsOf(
        text ?? tokens ?? throwInvalidField("text", "neither text nor input_ids is given"),
      );
      const startMs = performance.now(), slices = new Slices();
      const embedded = await embedPrompts(c, context, {
        prompts,
        param: text === undefined ? "input_ids" : "text",
        ids: idsOf(rid ?? newId("embd"), isBatch, prompts.length),
        dimensions,
      });
      const results: EncodeResult[] = [];
      for (const { requestId, promptTokens, embedding, usage } of embedded) {
        results.push({
          embedding: toNumbers(embedding),
          ...(wantsPrompt && { prompt_token_ids: [...promptTokens] }),
          meta_info: {
            id: requestId,
            finish_reason: { type: "length", length: 0 },
            prompt_tokens: usage.numPromptTokens,
            cached_tokens: usage.numCachedTokens,
            num_retractions: usage.numPreemptions,
            weight_version: context.weightVersion,
            e2e_latency: (performance.now() - startMs) / 1000,
          },
        });
        await slices.yieldTurn();
      }
      return await jsonResponse(isBatch ? results : results[0], slices);
    });
  }
}
