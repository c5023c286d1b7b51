/**
 * Profiles of the scheduler's steps.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { RouteContext } from "./context.ts";
import { errorBody, jsonContent, notServed, optional, optionalJsonBody, textContent } from "./schema.ts";

const profileRequest = z.strictObject({
  /** Folder for the file, in the one that --profile-dir names. */
  output_dir: optional(z.string().max(1024)),
  /** Steps to let pass first. */
  start_step: optional(z.int().min(0)),
  /** Steps after which the profile ends by itself. */
  num_steps: optional(z.int().min(1)),
  /** Beginning of the file's name. */
  profile_prefix: optional(z.string().regex(/^[\w.-]{0,128}$/, "expected letters, digits, _ . -")),
  /** Accepted, and makes no difference: what is recorded is the scheduler's steps. */
  activities: optional(z.array(z.enum(["CPU", "GPU", "MEM", "RPD", "CUDA_PROFILER"])).max(8)),
  with_stack: notServed(false),
  record_shapes: notServed(false),
  profile_by_stage: notServed(false),
  profile_stages: notServed(),
  merge_profiles: notServed(false),
  detailed_annotations: notServed(false),
  profile_id: optional(z.string().max(256)),
}).openapi("ProfileRequest");

const startRoute = {
  path: "/start_profile",
  summary: "Start to record the scheduler's steps, for Perfetto or chrome://tracing",
  request: optionalJsonBody(profileRequest),
  responses: {
    200: textContent("Where the file will be"),
    400: jsonContent(errorBody, "A profile is being made, or may not be written there"),
  },
} as const;

const stopRoute = {
  path: "/stop_profile",
  summary: "End the recording and write the file",
  responses: {
    200: textContent("Where the file is"),
    400: jsonContent(errorBody, "No profile is being made"),
  },
} as const;

/** Adds the endpoints. */
export function addProfile(app: OpenAPIHono, { generator: { control } }: RouteContext): void {
  for (const method of ["get", "post"] as const) {
    app.openapi(createRoute({ ...startRoute, method }), async (c) => {
      const body = profileRequest.parse(c.req.valid("json"));
      const path = await control.startProfile({
        ...(body.output_dir !== undefined && { folder: body.output_dir }),
        ...(body.profile_prefix !== undefined && { prefix: body.profile_prefix }),
        ...(body.start_step !== undefined && { numSkipped: body.start_step }),
        ...(body.num_steps !== undefined && { numSteps: body.num_steps }),
      });
      return c.text(`Start profiling. The file will be ${path}\n`, 200);
    });
    app.openapi(
      createRoute({ ...stopRoute, method }),
      async (c) => c.text(`Stop profiling. The file is ${await control.stopProfile()}\n`, 200),
    );
  }
}
