/**
 * The HTTP application: middleware, error answers, endpoints. It talks to a {@linkcode Generator} and knows nothing
 * behind it.
 *
 * @module
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { requestId } from "hono/request-id";
import { getPath } from "hono/utils/url";
import { AerieError } from "../runtime/contracts/errors.ts";
import type { Generator } from "../runtime/contracts/generation.ts";
import { readBody } from "./gate/body.ts";
import { checkShape } from "./gate/body_shape.ts";
import { nameRequest, requestIdOf } from "./anthropic/errors.ts";
import { addMessages } from "./anthropic/messages.ts";
import { addAnthropicModels } from "./anthropic/models.ts";
import { addChat } from "./openai/chat.ts";
import { addCompletions } from "./openai/completions.ts";
import { type AppOptions, type RouteContext, seedSource } from "./generation/context.ts";
import { addControl } from "./operator/control.ts";
import { refuseWhileDraining } from "./gate/draining.ts";
import { addDocument } from "./operator/document.ts";
import { clip, toErrorReply, toInvalidRequest } from "./answers/errors.ts";
import { answerError } from "./error_answer.ts";
import { exactSeeds } from "./gate/exact_seeds.ts";
import { addClassifiers } from "./native/classifiers.ts";
import { addEmbeddings } from "./openai/embeddings.ts";
import { addEncode } from "./native/encode.ts";
import { addGenerate } from "./native/generate.ts";
import { addHealth } from "./operator/health.ts";
import { addInfo } from "./operator/info.ts";
import { addLoads } from "./operator/loads.ts";
import { addMetrics } from "./operator/metrics.ts";
import { HttpMetrics } from "./generation/http_metrics.ts";
import { addModels } from "./openai/models.ts";
import { addOllamaChat } from "./ollama/chat.ts";
import { addOllamaEmbed } from "./ollama/embed.ts";
import { addOllamaModels } from "./ollama/models.ts";
import { noteArrival } from "./generation/request_origin.ts";
import { checkHost, checkOrigin, isAllowedOrigin } from "./gate/origins.ts";
import { checkKey } from "./gate/api_key.ts";
import { addPages } from "./pages/pages.ts";
import { addProfile } from "./operator/profile.ts";
import { addParse } from "./native/parse.ts";
import { addRender } from "./native/render.ts";
import { addResponses } from "./openai/responses.ts";
import { RequestLog, RequestLogLevel } from "./generation/request_log.ts";
import { addScore } from "./native/score.ts";
import { addTokenize } from "./native/tokenize.ts";

export type { AppOptions } from "./generation/context.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const defaultMaxBodyBytes = 4 * 1024 * 1024;

/** An application that answers requests, with or without a socket. */
export interface App {
  /** Answers a request. `clientAddress` identifies the client: waiting requests of several clients take turns. */
  readonly fetch: (
    request: Request,
    env?: { readonly clientAddress?: string } | object,
  ) => Response | Promise<Response>;
  /** Answers a request to a path, without a socket. */
  readonly request: (path: string, init?: RequestInit) => Response | Promise<Response>;
}

/**
 * Builds the application.
 *
 * @example
 * ```ts
 * const app = createApp(engine, { streamInterval: 1, enableCacheReport: false });
 * Deno.serve({ hostname: "127.0.0.1", port: 30000 }, app.fetch);
 * ```
 */
export function createApp(generator: Generator, options: AppOptions): App {
  const context = contextOf(generator, options);
  const { rootPath = "" } = options;
  const app = new OpenAPIHono({
    ...(rootPath !== "" && { getPath: (request) => withoutRoot(getPath(request), rootPath) }),
    defaultHook: (result) => {
      if (!result.success) throw toInvalidRequest(result.error);
    },
  });
  app.onError((error, c) =>
    answerError(context.report(error), { path: c.req.path, requestId: requestIdOf(c) })
  );
  app.notFound((c) => {
    const allow = methodsOf(app, c.req.path);
    if (allow.length > 0) {
      throw new AerieError(
        "method_not_allowed",
        `Cannot ${c.req.method} ${clip(c.req.path)}: it takes ${allow.join(", ")}`,
        { allow: allow.join(", ") },
      );
    }
    throw new AerieError("not_found", `Cannot find ${c.req.method} ${clip(c.req.path)}`);
  });

  const { allowedHosts, corsOrigins = [] } = options;
  app.use(requestId());
  app.use(nameRequest());
  if (allowedHosts !== undefined) app.use(checkHost(allowedHosts));
  app.use(
    cors({
      origin: (origin) => isAllowedOrigin(origin, corsOrigins) ? origin : null,
      exposeHeaders: ["X-Request-Id", "Request-Id", "Retry-After"],
    }),
  );
  app.use(checkOrigin(corsOrigins));
  // Before the body is read: a client without the key cannot make the server hold one.
  if (options.apiKey !== undefined) app.use(checkKey(options.apiKey));
  const admits = refuseWhileDraining(context.isDraining);
  app.use(admits);
  app.use(readBody(options.maxBodyBytes ?? defaultMaxBodyBytes));
  // A body may have taken long.
  app.use(admits);
  app.use(noteArrival());
  app.use(limitShape);
  app.use(exactSeeds());

  addChat(app, context);
  addCompletions(app, context);
  addResponses(app, context);
  addMessages(app, context);
  addOllamaChat(app, context);
  addOllamaEmbed(app, context);
  addOllamaModels(app, context);
  addGenerate(app, context);
  addEmbeddings(app, context);
  addEncode(app, context);
  addClassifiers(app, context);
  addAnthropicModels(app, context);
  addModels(app, context);
  addHealth(app, context);
  addInfo(app, context);
  addMetrics(app, context);
  addLoads(app, context);
  addControl(app, context);
  addProfile(app, context);
  addRender(app, context);
  addScore(app, context);
  addTokenize(app, context);
  addParse(app, context);
  addDocument(app, context, { rootPath, asksForKey: options.apiKey !== undefined });
  if (options.ui ?? true) addPages(app, rootPath);
  return app;
}

/** A path as the routes know it, whether or not the proxy has taken its own part away. */
function withoutRoot(path: string, root: string): string {
  if (path === root) return "/";
  return path.startsWith(`${root}/`) ? path.slice(root.length) : path;
}

function contextOf(generator: Generator, options: AppOptions): RouteContext {
  const { log, logRequests, logRequestsLevel = RequestLogLevel.beginnings } = options;
  const { enableMetrics = true, numConnections } = options;
  const metrics = enableMetrics
    ? new HttpMetrics(generator.model.servedModelName, numConnections)
    : undefined;
  return {
    generator,
    streamInterval: options.streamInterval,
    enableCacheReport: options.enableCacheReport,
    pingMs: options.pingMs ?? 15_000,
    weightVersion: options.weightVersion ?? "default",
    requestLog: logRequests && log !== undefined
      ? new RequestLog(logRequestsLevel, (token) => generator.tokenBytes(token), (line) => log("info", line))
      : undefined,
    metrics,
    isWarmingUp: options.isWarmingUp ?? (() => false),
    isDraining: options.isDraining ?? (() => false),
    nextSeed: seedSource(options.defaultSeed),
    report(error) {
      const reply = toErrorReply(error);
      // A client that left, or was aborted, got no error answer; the engine counts these.
      if (reply.code !== "aborted") metrics?.countError(reply);
      // A request cut short by the shutdown is answered and is no fault of the server; nor are a pause and warming up,
      // which probes meet again and again.
      const isAsleep = reply.code === "unavailable" &&
        (generator.control.isPaused || options.isWarmingUp?.());
      if (reply.status >= 500 && !isAsleep && !options.isDraining?.()) {
        options.log?.("error", error instanceof Error ? error.stack ?? error.message : String(error));
      }
      return reply;
    },
  };
}

const limitShape: MiddlewareHandler = async (c, next) => {
  if (c.req.method === "POST" || c.req.method === "PUT") await checkShape(await c.req.text());
  await next();
};

/** Methods that a path takes. */
function methodsOf({ router }: OpenAPIHono, path: string): string[] {
  const takes = (method: string) =>
    router.match(method, path)[0].some(([[, route]]) => route.method === method);
  return METHODS.filter(takes);
}
