/**
 * What Ollama's API says of models: `/api/tags`, `/api/ps`, `/api/show`, `/api/version`; and what it would do to them.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import { createHash } from "node:crypto";
import { createRoute, type OpenAPIHono, type z } from "@hono/zod-openapi";
import { InvalidRequestError } from "../../runtime/contracts/errors.ts";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import { jsonBody, jsonContent } from "../answers/content.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { answerFormsOf } from "../generation/answer_forms.ts";
import type { RouteContext } from "../generation/context.ts";
import { ollamaShowRequest } from "../schema/ollama.ts";
import { ollamaRunning, ollamaShowResponse, ollamaTags, ollamaVersion } from "../schema/ollama_answer.ts";
import { checkTaggedModel } from "./conversation.ts";
import { ollamaErrors } from "./errors.ts";

/** The version of Ollama whose API this is: clients ask for it before they use what came with it. */
const VERSION = "0.13.0";

/** The model is never unloaded. */
const NEVER = "9999-12-31T23:59:59Z";

const tagsRoute = createRoute({
  method: "get",
  path: "/api/tags",
  summary: "The names of the served model",
  responses: { 200: jsonContent(ollamaTags, "An entry for each name"), ...ollamaErrors },
});

const runningRoute = createRoute({
  method: "get",
  path: "/api/ps",
  summary: "The model that is loaded",
  responses: { 200: jsonContent(ollamaRunning, "An entry for each name"), ...ollamaErrors },
});

const showRoute = createRoute({
  method: "post",
  path: "/api/show",
  summary: "Facts about the served model",
  request: jsonBody(ollamaShowRequest),
  responses: { 200: jsonContent(ollamaShowResponse, "The facts"), ...ollamaErrors },
});

const versionRoute = createRoute({
  method: "get",
  path: "/api/version",
  summary: "The version of Ollama's API",
  responses: { 200: jsonContent(ollamaVersion, "The version"), ...ollamaErrors },
});

/** What cannot be done to the model of a running server. */
const REFUSED: Readonly<Record<string, string>> = {
  "/api/pull": "pull models",
  "/api/push": "push models",
  "/api/create": "create models",
  "/api/copy": "copy models",
  "/api/delete": "delete models",
  "/api/blobs/:digest": "store files",
};

/** Adds Ollama's endpoints of models. */
export function addOllamaModels(app: OpenAPIHono, { generator }: RouteContext): void {
  const modifiedAt = new Date().toISOString();

  const list = async () => {
    const { memory } = await generator.serverInfo(), { model } = generator;
    return [model.servedModelName, ...model.modelAliases].map((name) => ({
      name: tagged(name),
      model: tagged(name),
      modified_at: modifiedAt,
      size: Math.round(memory.weight * 2 ** 30),
      digest: createHash("sha256").update(model.modelPath).digest("hex"),
      details: detailsOf(model),
    }));
  };

  app.openapi(tagsRoute, async (c) => c.json({ models: await list() }, 200));

  app.openapi(runningRoute, async (c) => {
    const { contextLength } = generator.model;
    const own = { expires_at: NEVER, context_length: contextLength };
    return c.json({ models: (await list()).map((one) => ({ ...one, ...own, size_vram: one.size })) }, 200);
  });

  app.openapi(showRoute, (c) => {
    const body = c.req.valid("json"), { model } = generator;
    checkTaggedModel(body.model ?? body.name ?? throwInvalidField("model", "it is missing"), model);
    return c.json({ ...factsOf(model), modified_at: modifiedAt }, 200);
  });

  app.openapi(versionRoute, (c) => c.json({ version: VERSION }, 200));

  for (const [path, what] of Object.entries(REFUSED)) {
    app.on(["GET", "HEAD", "POST", "DELETE"], path, () => {
      throw new InvalidRequestError(`Cannot ${what}: the server has the model that it was started with`);
    });
  }
}

/** A name with a tag, which every one of Ollama's has. */
function tagged(name: string): string {
  return name.includes(":") ? name : `${name}:latest`;
}

function detailsOf({ modelPath, modelType }: ModelInfo): z.infer<typeof ollamaShowResponse>["details"] {
  return {
    parent_model: "",
    format: modelPath.endsWith(".gguf") ? "gguf" : "safetensors",
    family: modelType,
    families: [modelType],
    parameter_size: "",
    quantization_level: "",
  };
}

function factsOf(model: ModelInfo): Omit<z.infer<typeof ollamaShowResponse>, "modified_at"> {
  const { calls, reasoning } = answerFormsOf(model);
  const { modelPath, modelType, contextLength, vocabSize, tokenizer } = model;
  return {
    modelfile: `FROM ${modelPath}\n`,
    parameters: "",
    template: tokenizer.chatTemplate ?? "",
    details: detailsOf(model),
    model_info: {
      "general.architecture": modelType,
      [`${modelType}.context_length`]: contextLength,
      [`${modelType}.vocab_size`]: vocabSize,
    },
    capabilities: [
      "completion",
      ...(calls === undefined ? [] : ["tools" as const]),
      ...(reasoning === undefined ? [] : ["thinking" as const]),
    ],
  };
}
