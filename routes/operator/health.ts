/**
 * Probes: whether the server takes requests, and whether generations work.
 *
 * @module
 */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { AerieError, UnavailableError } from "../../runtime/contracts/errors.ts";
import type { Generator } from "../../runtime/contracts/generation.ts";
import { defaultSamplingParams } from "../../runtime/contracts/sampling_params.ts";
import type { RouteContext } from "../generation/context.ts";
import { newId } from "../generation/openai.ts";
import { abortWith, collect, runAll } from "../generation/run.ts";
import { errorBody, jsonContent, textContent } from "../answers/content.ts";

/** Time that a generation of one token may take, and that a forward may while there is no room for one. */
const healthTimeoutMs = 20_000, steppingTimeoutMs = 5000;
const steppingPollMs = 100;

const responses = {
  200: textContent("Yes"),
  503: jsonContent(errorBody, "No; the message says why"),
} as const;

/** Paths that ask the same, in the words of SGLang and vLLM, and of OpenAI. */
const HEALTH_PATHS = ["/health", "/v1/health"];

/** SageMaker ends what does not answer this, so that it is answered while requests may end. */
const pingRoute = createRoute({
  method: "get",
  path: "/ping",
  summary: "Does the server run?",
  responses,
});

const readyRoute = createRoute({
  method: "get",
  path: "/ready",
  summary: "Does the server take requests, and work on them now?",
  responses,
});

const healthGenerateRoute = createRoute({
  method: "get",
  path: "/health_generate",
  summary: "Does a generation of one token work, or are others worked on where there is no room for it?",
  responses,
});

/** Adds the endpoints. */
export function addHealth(app: OpenAPIHono, context: RouteContext): void {
  const { generator } = context;
  for (const path of HEALTH_PATHS) {
    const route = createRoute({ method: "get", path, summary: "Does the server take requests?", responses });
    app.openapi(route, (c) => {
      checkTakesRequests(context);
      return c.text("", 200);
    });
  }

  app.openapi(pingRoute, (c) => {
    checkRuns(generator);
    return c.text("", 200);
  });

  app.openapi(readyRoute, (c) => {
    checkTakesRequests(context);
    // A pause is no fault, so only this path reports it: no orchestrator is to restart the server for it.
    if (generator.control.isPaused) throw new UnavailableError("Cannot serve: generation is paused");
    return c.text("", 200);
  });

  app.openapi(healthGenerateRoute, async (c) => {
    if (generator.control.isPaused) throw new UnavailableError("Cannot generate: generation is paused");
    await generateOne(generator, c.req.raw.signal);
    return c.text("", 200);
  });
}

/**
 * Decides for every probe whether the server takes requests.
 *
 * @throws {UnavailableError} if it does not
 */
function checkTakesRequests({ generator, isWarmingUp, isDraining }: RouteContext): void {
  checkRuns(generator);
  if (isWarmingUp()) throw new UnavailableError("Cannot serve: the server is warming up");
  if (isDraining()) throw new UnavailableError("Cannot serve: the server is shutting down");
}

function checkRuns(generator: Generator): void {
  if (!generator.ready) throw new UnavailableError("Cannot serve: the server is starting or stopping");
}

async function generateOne(generator: Generator, signal: AbortSignal): Promise<void> {
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
