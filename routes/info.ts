/**
 * Health, facts about model and server, and the scheduler's levers.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { AerieError, InvalidRequestError, UnavailableError } from "../runtime/errors.ts";
import type { Generator } from "../runtime/generation.ts";
import { defaultSamplingParams } from "../runtime/sampling/params.ts";
import type { RouteContext } from "./context.ts";
import { refuse } from "./errors.ts";
import { newId } from "./openai.ts";
import { abortWith, collect, runAll } from "./run.ts";
import { errorBody, jsonBody, jsonContent, notServed, optional } from "./schema.ts";

/** Time that a generation of one token may take, and that a forward may while there is no room for one. */
const healthTimeoutMs = 20_000, steppingTimeoutMs = 5000;
const steppingPollMs = 100;

const text = (description: string) => ({ content: { "text/plain": { schema: z.string() } }, description });
const unavailable = jsonContent(errorBody, "The server cannot generate now");

const modelInfo = z.object({
  model_path: z.string(),
  tokenizer_path: z.string(),
  served_model_name: z.string(),
  is_generation: z.literal(true),
  preferred_sampling_params: z.null(),
  weight_version: z.string(),
  max_model_len: z.int(),
}).openapi("ModelInfo");

const abortRequest = z.strictObject({
  /** Aborts every live request whose id begins with it, none if it is empty. */
  rid: optional(z.string().max(256)),
  abort_all: optional(z.boolean()),
  /** What the aborted requests give as their reason. */
  abort_message: optional(z.string().max(1024)),
  finished_reason: notServed(),
}).openapi("AbortRequest");

const healthRoute = createRoute({
  method: "get",
  path: "/health",
  summary: "Is the server up?",
  responses: { 200: text("Ready"), 503: unavailable },
});

const healthGenerateRoute = createRoute({
  method: "get",
  path: "/health_generate",
  summary: "Does a generation of one token work, or are others worked on where there is no room for it?",
  responses: { 200: text("It does"), 503: unavailable },
});

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

const flushRoute = {
  path: "/flush_cache",
  summary: "Empty the radix cache",
  responses: { 200: text("It is empty"), 400: jsonContent(errorBody, "Requests are running or waiting") },
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

  app.openapi(healthRoute, (c) => {
    if (!generator.ready) throw new UnavailableError("Cannot serve: the server is starting or stopping");
    return c.text("", 200);
  });

  app.openapi(healthGenerateRoute, async (c) => {
    await generateOne(context, c.req.raw.signal);
    return c.text("", 200);
  });

  for (const path of ["/get_model_info", "/model_info"]) {
    app.openapi(createRoute({ ...modelInfoRoute, path }), (c) => {
      const { model } = generator;
      return c.json({
        model_path: model.modelPath,
        tokenizer_path: model.tokenizerPath,
        served_model_name: model.servedModelName,
        is_generation: true as const,
        preferred_sampling_params: null,
        weight_version: context.weightVersion,
        max_model_len: model.contextLength,
      }, 200);
    });
  }

  for (const path of ["/get_server_info", "/server_info"]) {
    app.openapi(
      createRoute({ ...serverInfoRoute, path }),
      async (c) => c.json(await generator.serverInfo(), 200),
    );
  }

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
    const prefix = all ? "" : rid ?? refuse("rid", "neither rid nor abort_all is given");
    const names = all || prefix !== "";
    return c.json({ num_aborted: names ? generator.abort(prefix, message) : 0 }, 200);
  });
}

async function generateOne({ generator }: RouteContext, signal: AbortSignal): Promise<void> {
  const abort = abortWith(signal);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    abort.abort();
  }, healthTimeoutMs);
  const request = {
    requestId: newId("HEALTH_CHECK"),
    promptTokens: Int32Array.of(0),
    sampling: { ...defaultSamplingParams, temperature: 0, maxTokens: 1, ignoreEos: true },
    origin: { isOwn: true },
  };
  try {
    const [output] = await collect(runAll(generator, [request], abort), 1);
    signal.throwIfAborted();
    if (output?.tokens.length === 1) return;
  } catch (error) {
    if (!(error instanceof AerieError && error.code === "overloaded")) throw error;
    isLate = true;
  } finally {
    clearTimeout(timer);
  }
  // A server without a place for one more is busy, not stuck: restarting it would end what it is doing.
  if (!isLate || !await isStepping(generator, signal)) {
    throw new UnavailableError("Cannot generate: no token came");
  }
}

/** Whether a forward ends soon. */
async function isStepping(generator: Generator, signal: AbortSignal): Promise<boolean> {
  const { numSteps } = await generator.schedulerState();
  for (let waitedMs = 0; waitedMs < steppingTimeoutMs; waitedMs += steppingPollMs) {
    await new Promise((resolve) => setTimeout(resolve, steppingPollMs));
    signal.throwIfAborted();
    if ((await generator.schedulerState()).numSteps > numSteps) return true;
  }
  return false;
}
