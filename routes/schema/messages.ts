/**
 * Schemas of the messages of a chat.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { bounded, optional, parsedByClient } from "./fields.ts";
import { strictFields } from "./strict_fields.ts";
import { freeObject } from "./template_fields.ts";
import { unserved } from "./unserved.ts";

const cacheHint = "Hint for a cache of prompts; without effect: all prefixes are cached";

/** Anthropic's mark of a prefix to cache, which clients put on parts or on whole messages. */
export const cacheControl = optional(
  strictFields({ type: z.literal("ephemeral"), ttl: optional(z.string().max(16)) }),
).describe(cacheHint);

const textPart = strictFields({
  type: z.literal("text"),
  text: z.string().describe("What is said"),
  cache_control: cacheControl,
  prompt_cache_breakpoint: optional(strictFields({ mode: z.literal("explicit") })).describe(cacheHint),
});

const refusalPart = strictFields({
  type: z.literal("refusal"),
  refusal: z.string().describe("What the assistant said to refuse; rendered as text"),
});

const part = z.discriminatedUnion("type", [textPart, refusalPart], {
  error: (issue) =>
    issue.code === "invalid_union" ? "expected text: other parts are not supported yet" : undefined,
});

const calledFunction = strictFields({
  name: z.string().max(256).describe("Name of the tool"),
  arguments: optional(z.union([z.string(), freeObject])).describe("JSON text of an object, or the object"),
  parsed_arguments: parsedByClient,
});

const toolCall = strictFields({
  id: optional(z.string().max(256)).describe("What the answer to the call names"),
  index: optional(z.int()).describe("Place among the calls, as streams have it; without effect"),
  type: optional(z.literal("function", "expected function: calls of other tools are not supported yet")),
  function: calledFunction,
});

/** What only the assistant says. */
const assistantFields = ["tool_calls", "function_call", "reasoning_content", "reasoning", "refusal"] as const;

/** A message of the conversation. */
export const chatMessage = strictFields({
  role: z.enum(["system", "developer", "user", "assistant", "tool", "function"]).describe(
    "Who speaks; developer is rendered as system where the template does not know it, function as tool",
  ),
  content: optional(z.union([z.string(), bounded(z.array(part), 1024)])).describe(
    "What is said; null only with role assistant or function",
  ),
  name: optional(z.string().max(256)).describe("Name of the speaker, for templates that show it"),
  tool_calls: optional(bounded(z.array(toolCall), 128)).describe(
    "Calls of tools; refused if the model's chat template does not show them",
  ),
  tool_call_id: optional(z.string().max(256)).describe("The call that a message of role tool answers"),
  function_call: optional(calledFunction).describe("Older form of tool_calls"),
  reasoning_content: optional(z.string()).describe(
    "What the assistant thought; refused if the model's chat template does not know it",
  ),
  reasoning: optional(z.string()).describe("Other name of reasoning_content"),
  refusal: optional(z.string()).describe("What the assistant said to refuse; rendered as text"),
  parsed: parsedByClient,
  cache_control: cacheControl,
  annotations: unserved("Sources of the answer", "array", []),
  audio: unserved("Spoken answer", "object"),
  tools: unserved("Tools that this message brings", "array", []),
  phase: unserved("Part of an answer", "string"),
  prefix: unserved("Continue this message; see continue_final_message", "boolean", false),
}).superRefine((message, context) => {
  const { role, content } = message;
  const addIssue = (field: string, reason: string) =>
    context.addIssue({ code: "custom", path: [field], message: reason });
  if (content === undefined && role !== "assistant" && role !== "function") {
    addIssue("content", "expected text or a list of parts");
  }
  if (role === "assistant") return;
  const field = assistantFields.find((name) => isGiven(message[name]));
  if (field !== undefined) addIssue(field, "only allowed with role assistant");
  const at = Array.isArray(content) ? content.findIndex(({ type }) => type === "refusal") : -1;
  if (at >= 0) {
    context.addIssue({
      code: "custom",
      path: ["content", at, "type"],
      message: "refusal is only allowed with role assistant",
    });
  }
}).openapi("ChatMessage");

/** Whether a field says something: empty texts and lists do not. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0);
}
