/**
 * Schemas of `/parse_function_call` and `/separate_reasoning`.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { callFormatNames } from "../../runtime/output/call_formats.ts";
import { reasoningFormatNames } from "../../runtime/output/reasoning_formats.ts";
import { optional } from "./fields.ts";
import { strictFields } from "./strict_fields.ts";
import { toolList } from "./tools.ts";

/** Body of a request to find calls. */
export const parseCallsRequest = strictFields({
  text: z.string().describe("Text of an answer"),
  tools: toolList.describe("Functions that it may call; other calls are text"),
  tool_call_parser: optional(z.enum(callFormatNames)).describe(
    "Form of calls; the served model's if left out",
  ),
}).openapi("ParseFunctionCallRequest");

/** What a text calls. */
export const parsedCalls = z.object({
  normal_text: z.string(),
  calls: z.array(z.object({
    /** Place among the tools. */
    tool_index: z.int(),
    name: z.string(),
    /** JSON text of an object. */
    parameters: z.string(),
  })),
}).openapi("ParsedFunctionCalls");

/** Body of a request to find reasoning. */
export const separateRequest = strictFields({
  text: z.string().describe("Text of an answer"),
  reasoning_parser: optional(z.enum(reasoningFormatNames)).describe(
    "Form of reasoning; the served model's if left out",
  ),
}).openapi("SeparateReasoningRequest");

/** A text without its reasoning. */
export const separatedText = z.object({
  reasoning_text: z.string(),
  text: z.string(),
}).openapi("SeparatedReasoning");
