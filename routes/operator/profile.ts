/**
 * Profiles of the scheduler's steps.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { RouteContext } from "../generation/context.ts";
import { optional } from "../schema/fields.ts";
import { errorBody, jsonContent, optionalJsonBody, textContent } from "../answers/content.ts";
import { strictFields } from "../schema/strict_fields.ts";
import { unserved } from "../schema/unserved.ts";

const profileRequest = strictFields({
  output_dir: optional(z.string().max(1024)).describe(
    "Folder for the file, in the one that --profile-dir names",
  ),
  start_step: optional(z.int().min(0)).describe("Steps to let pass first"),
  num_steps: optional(z.int().min(1)).describe("Steps after which the profile ends by itself"),
  profile_prefix: optional(z.string().regex(/^[\w.-]{0,128}$/, "expected letters, digits, _ . -")).describe(
    "Beginning of the file's name",
  ),
  activities: optional(z.array(z.enum(["CPU", "GPU", "MEM", "RPD", "CUDA_PROFILER"])).max(8)).describe(
    "Without effect: what is recorded is the scheduler's steps",
  ),
  profile_id: optional(z.string().max(256)).describe("Without effect: every profile has a file of its own"),
  with_stack: unserved("Record where code is", "boolean", false),
  record_shapes: unserved("Record shapes of tensors", "boolean", false),
  profile_by_stage: unserved("A file for each stage", "boolean", false),
  profile_stages: unserved("Stages to record", "array"),
  merge_profiles: unserved("One file for all ranks", "boolean", false),
  detailed_annotations: unserved("Record what steps hold", "boolean", false),
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
