/**
 * Schemas of tools and of the choice among them, in OpenAI's chat form.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import { z } from "@hono/zod-openapi";
import { bounded, optional } from "./fields.ts";
import { strictFields } from "./strict_fields.ts";
import { boundedObject } from "./template_fields.ts";

/** Tools of a request, at most. */
const maxTools = 512;
/** Values of a JSON schema of arguments, and levels it nests. */
const maxValues = 16_384, maxDepth = 64;

/** A JSON schema, as every API gives tools' arguments and answers one. */
export const jsonSchema = boundedObject(maxValues, maxDepth);

const described = {
  name: z.string().max(256).describe("Name of the function"),
  description: optional(z.string()).describe("What it does"),
  parameters: optional(jsonSchema).describe("JSON schema of its arguments, an object's; enforced"),
};

const onlyFunctions = "expected function: tools of other types are not supported yet";

const tool = strictFields({
  type: z.literal("function", onlyFunctions),
  function: strictFields({
    ...described,
    strict: optional(z.boolean()).describe("A schema that cannot be enforced is refused"),
  }),
});

const named = strictFields({ name: z.string().max(256) });
const namedTool = strictFields({ type: z.literal("function", onlyFunctions), function: named });

const allowedTools = strictFields({
  type: z.literal("allowed_tools"),
  allowed_tools: strictFields({
    mode: z.enum(["auto", "required"]).describe("Whether the answer must call one of them"),
    tools: bounded(z.array(namedTool).min(1), maxTools).describe("Tools that the answer may call"),
  }),
});

/** Functions that the model may call. */
export const toolList = bounded(z.array(tool), maxTools);

/** Fields about tools of a chat request. */
export const toolFields = {
  tools: optional(toolList).describe("Functions that the model may call"),
  tool_choice: optional(z.union([
    z.enum(["none", "auto", "required"]),
    z.discriminatedUnion("type", [namedTool, allowedTools]),
  ], "expected none, auto, required, or an object of type function or allowed_tools")).describe(
    "Whether and what the answer calls; required and a named function, which is called once, are enforced",
  ),
  parallel_tool_calls: optional(z.boolean()).describe("False: an answer has one call at most"),
  functions: optional(bounded(z.array(strictFields(described)), maxTools)).describe("Older form of tools"),
  function_call: optional(z.union([z.enum(["none", "auto"]), named])).describe("Older form of tool_choice"),
};
