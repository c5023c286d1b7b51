/**
 * `/v1/models`.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import type { RouteContext } from "../generation/context.ts";
import { checkModel, unixSeconds } from "../generation/openai.ts";
import { errorBody, jsonContent } from "../answers/content.ts";

const modelCard = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  /** Whose API it speaks: smg takes a worker with `/version` for vLLM unless this says otherwise. */
  owned_by: z.literal("sglang"),
  root: z.string(),
  max_model_len: z.int(),
}).openapi("Model");

const listRoute = createRoute({
  method: "get",
  path: "/v1/models",
  summary: "The names of the served model",
  responses: {
    200: jsonContent(
      z.object({ object: z.literal("list"), data: z.array(modelCard) }),
      "An entry for each name",
    ),
  },
});

const oneRoute = createRoute({
  method: "get",
  path: "/v1/models/{model}",
  summary: "The served model",
  request: { params: z.object({ model: z.string() }) },
  responses: {
    200: jsonContent(modelCard, "The model"),
    404: jsonContent(errorBody, "It is not served here"),
  },
});

/** Adds the model endpoints. */
export function addModels(app: OpenAPIHono, { generator }: RouteContext): void {
  const created = unixSeconds();
  const card = (id: string, { modelPath, contextLength }: ModelInfo): z.infer<typeof modelCard> => ({
    id,
    object: "model",
    created,
    owned_by: "sglang",
    root: modelPath,
    max_model_len: contextLength,
  });
  const namesOf = ({ servedModelName, modelAliases }: ModelInfo) => [servedModelName, ...modelAliases];
  const one = (name: string) => {
    const { model } = generator;
    checkModel(name, model);
    return card(namesOf(model).includes(name) ? name : model.servedModelName, model);
  };
  app.openapi(listRoute, (c) => {
    const data = namesOf(generator.model).map((name) => card(name, generator.model));
    return c.json({ object: "list" as const, data }, 200);
  });
  app.openapi(oneRoute, (c) => c.json(one(c.req.valid("param").model), 200));
  // Hub names have a slash, which some clients send unescaped.
  app.get("/v1/models/:model{.+}", (c) => c.json(one(c.req.param("model"))));
}
