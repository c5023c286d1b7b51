/**
 * Facts about model and server, and the levers that need no more than a call.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import manifest from "../../deno.json" with { type: "json" };
import { InvalidRequestError } from "../../runtime/contracts/errors.ts";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import type { RouteContext } from "../generation/context.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { optional } from "../schema/fields.ts";
import { errorBody, jsonBody, jsonContent, textContent } from "../answers/content.ts";
import { strictFields } from "../schema/strict_fields.ts";
import { unserved } from "../schema/unserved.ts";

const modelInfo = z.object({
  /** What was asked for, or for a GGUF file a folder that has it and the tokenizer. */
  model_path: z.string(),
  /** A folder with tokenizer.json and tokenizer_config.json, which routers load. */
  tokenizer_path: z.string(),
  served_model_name: z.string(),
  is_generation: z.boolean(),
  /** Hugging Face's name of the family, e.g. `llama`. */
  model_type: z.string(),
  architectures: z.array(z.string()),
  preferred_sampling_params: z.null(),
  weight_version: z.string(),
  load_format: z.literal("auto"),
  reasoning_parser: z.null(),
  tool_call_parser: z.null(),
  disaggregation_mode: z.literal("null"),
  has_image_understanding: z.literal(false),
  has_audio_understanding: z.literal(false),
  max_model_len: z.int(),
  vocab_size: z.int(),
}).openapi("ModelInfo");

const abortRequest = strictFields({
  rid: optional(z.string().max(256)).describe(
    "Aborts every live request whose id begins with it, none if it is empty",
  ),
  abort_all: optional(z.boolean()).describe("Aborts all"),
  abort_message: optional(z.string().max(1024)).describe("What the aborted requests give as their reason"),
  finished_reason: unserved("What the aborted requests give as their end", "object"),
}).openapi("AbortRequest");

const modelInfoRoute = {
  method: "get",
  summary: "Facts about the model",
  responses: { 200: jsonContent(modelInfo, "The facts") },
} as const;

const serverInfoRoute = {
  method: "get",
  summary: "Arguments and counters of the server",
  responses: { 200: jsonContent(z.record(z.string(), z.unknown()), "Flat arguments, then counters") },
} as const;

const versionRoute = createRoute({
  method: "get",
  path: "/version",
  summary: "The server's version",
  responses: { 200: jsonContent(z.object({ version: z.string() }), "The version") },
});

const flushRoute = {
  path: "/flush_cache",
  summary: "Empty the radix cache",
  responses: {
    200: textContent("It is empty"),
    400: jsonContent(errorBody, "Requests are running or waiting"),
  },
} as const;

const abortRoute = createRoute({
  method: "post",
  path: "/abort_request",
  summary: "Abort live requests",
  request: jsonBody(abortRequest),
  responses: { 200: jsonContent(z.object({ num_aborted: z.int() }), "How many were aborted") },
});

/** Adds the endpoints. */
export function addInfo(app: OpenAPIHono, context: RouteContext): void {
  const { generator } = context;

  for (const path of ["/get_model_info", "/model_info"]) {
    app.openapi(
      createRoute({ ...modelInfoRoute, path }),
      (c) => c.json(describeModel(generator.model, context.weightVersion), 200),
    );
  }

  for (const path of ["/get_server_info", "/server_info"]) {
    app.openapi(createRoute({ ...serverInfoRoute, path }), async (c) => {
      const { record } = await generator.serverInfo();
      return c.json({ ...record, stream_interval: context.streamInterval }, 200);
    });
  }

  app.openapi(versionRoute, (c) => c.json({ version: manifest.version }, 200));

  for (const method of ["get", "post"] as const) {
    app.openapi(createRoute({ ...flushRoute, method }), async (c) => {
      if (!await generator.flushCache()) {
        throw new InvalidRequestError("Cannot flush cache: requests are running or waiting");
      }
      return c.text("Cache flushed\n", 200);
    });
  }

  app.openapi(abortRoute, (c) => {
    const { rid, abort_all: all, abort_message: message } = c.req.valid("json");
    const prefix = all ? "" : rid ?? throwInvalidField("rid", "neither rid nor abort_all is given");
    const names = all || prefix !== "";
    return c.json({ num_aborted: names ? generator.abort(prefix, message) : 0 }, 200);
  });
}

function describeModel(model: ModelInfo, weightVersion: string): z.infer<typeof modelInfo> {
  return {
    model_path: model.modelFolder,
    tokenizer_path: model.tokenizerPath,
    served_model_name: model.servedModelName,
    is_generation: !model.embedding.isOnly,
    model_type: model.modelType,
    architectures: [model.architecture],
    preferred_sampling_params: null,
    weight_version: weightVersion,
    load_format: "auto",
    reasoning_parser: null,
    tool_call_parser: null,
    disaggregation_mode: "null",
    has_image_understanding: false,
    has_audio_understanding: false,
    max_model_len: model.contextLength,
    vocab_size: model.vocabSize,
  };
}
