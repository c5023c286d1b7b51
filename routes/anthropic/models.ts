/**
 * `/v1/models` in the form of Anthropic's API, for clients that send its version.
 *
 * @module
 */
import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { RouteContext } from "../generation/context.ts";
import { checkModel } from "../generation/openai.ts";
import type { anthropicModel } from "../schema/anthropic_answer.ts";

/** Adds them; other clients get OpenAI's form, whose endpoints come after these. */
export function addAnthropicModels(app: OpenAPIHono, { generator }: RouteContext): void {
  const createdAt = new Date().toISOString();
  const describe = (id: string): z.infer<typeof anthropicModel> => ({
    type: "model",
    id,
    display_name: id,
    created_at: createdAt,
    max_input_tokens: generator.model.contextLength,
    max_tokens: generator.model.contextLength,
  });

  app.get("/v1/models", async (c, next) => {
    if (c.req.header("anthropic-version") === undefined) return await next();
    const { servedModelName, modelAliases } = generator.model;
    const data = [servedModelName, ...modelAliases].map(describe);
    return c.json({ data, has_more: false, first_id: data[0]!.id, last_id: data.at(-1)!.id });
  });
  app.get("/v1/models/:model{.+}", async (c, next) => {
    if (c.req.header("anthropic-version") === undefined) return await next();
    const name = c.req.param("model");
    checkModel(name, generator.model);
    return c.json(describe(name));
  });
}
