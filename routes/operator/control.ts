/**
 * An operator's levers: pauses and settings that change while the server runs.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { SchedulerSettings } from "../../runtime/contracts/scheduler_settings.ts";
import { toCamelCase } from "../../runtime/contracts/snake_case.ts";
import type { RouteContext } from "../generation/context.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { optional } from "../schema/fields.ts";
import { errorBody, jsonBody, jsonContent, optionalJsonBody } from "../answers/content.ts";
import { strictFields } from "../schema/strict_fields.ts";

const pauseRequest = strictFields({
  mode: optional(z.enum(["abort", "retract", "in_place"])).describe(
    "abort, the default, ends all requests, retract takes their KV and computes it again later, in_place leaves them where they are",
  ),
}).openapi("PauseRequest");

const continueRequest = strictFields({
  torch_empty_cache: optional(z.boolean()).describe("Without effect: there is no such cache"),
}).openapi("ContinueRequest");

const done = z.object({ message: z.string(), status: z.literal("ok") }).openapi("Done");

/** Names as flags have them; `stream_interval` is the HTTP side's own. */
const settings = strictFields({
  stream_interval: z.int().min(1).optional().describe("Tokens gathered per chunk of a stream"),
  max_running_requests: z.int().min(1).optional().describe(
    "Sequences in one batch; no more than at the start",
  ),
  max_queued_requests: z.int().min(0).optional().describe("Requests that may wait beyond those"),
  max_queued_per_client: z.int().min(-1).optional().describe(
    "Requests of one client that may wait; -1: no limit",
  ),
  max_queued_tokens: z.int().min(-1).optional().describe("Prompt tokens that may wait; -1: no limit"),
  max_step_ms: z.int().min(-1).optional().describe(
    "Time of a step that reads prompts beside others; -1: no limit",
  ),
  decode_log_interval: z.int().min(1).optional().describe("Decode steps between two decode lines"),
}).openapi("Settings");

const settingsRequest = strictFields({
  server_args: settings.describe("What is to change; nothing does if one name cannot"),
}).openapi("SettingsRequest");

const pauseRoute = createRoute({
  method: "post",
  path: "/pause_generation",
  summary: "Hold all generations up; answered when nothing is being computed",
  request: optionalJsonBody(pauseRequest),
  responses: { 200: jsonContent(done, "The pause has begun") },
});

const continueRoute = createRoute({
  method: "post",
  path: "/continue_generation",
  summary: "End a pause",
  request: optionalJsonBody(continueRequest),
  responses: { 200: jsonContent(done, "Generations go on") },
});

const readRoute = createRoute({
  method: "get",
  path: "/get_internal_state",
  summary: "Counters of the scheduler, one entry per data-parallel rank, of which there is one",
  responses: { 200: jsonContent(z.array(z.record(z.string(), z.unknown())), "The counters") },
});

const settingsRoute = {
  path: "/set_internal_state",
  summary: "Change settings while the server runs",
  request: jsonBody(settingsRequest),
  responses: {
    200: jsonContent(z.array(z.literal(true)).length(1), "They are changed"),
    400: jsonContent(errorBody, "One of them cannot change, or not to this value"),
  },
} as const;

/** Adds the endpoints. */
export function addControl(app: OpenAPIHono, context: RouteContext): void {
  const { generator } = context;

  app.openapi(pauseRoute, async (c) => {
    const { mode = "abort" } = pauseRequest.parse(c.req.valid("json"));
    await generator.control.pause(mode);
    return c.json({ message: "Generation paused successfully.", status: "ok" as const }, 200);
  });

  app.openapi(continueRoute, async (c) => {
    await generator.control.resume();
    return c.json({ message: "Generation continued successfully.", status: "ok" as const }, 200);
  });

  app.openapi(readRoute, async (c) => {
    const { record: { internal_states: states } } = await generator.serverInfo();
    return c.json(z.array(z.record(z.string(), z.unknown())).parse(states), 200);
  });

  for (const method of ["post", "put"] as const) {
    app.openapi(createRoute({ ...settingsRoute, method }), async (c) => {
      await change(context, c.req.valid("json").server_args);
      return c.json([true] as [true], 200);
    });
  }
}

async function change(
  context: RouteContext,
  { stream_interval: streamInterval, ...fields }: z.infer<typeof settings>,
): Promise<void> {
  const { generator } = context;
  const { max_running_requests: limit } = fields;
  const wide = generator.model.maxRunningRequests;
  if (limit !== undefined && limit > wide) {
    throwInvalidField("server_args.max_running_requests", `the server was started for ${wide}, not ${limit}`);
  }
  const entries = Object.entries(fields).map(([name, value]) => [toCamelCase(name), value] as const);
  if (entries.length > 0) await generator.control.configure(Object.fromEntries(entries) as SchedulerSettings);
  if (streamInterval !== undefined) context.streamInterval = streamInterval;
}
