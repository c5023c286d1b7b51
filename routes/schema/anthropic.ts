/**
 * Schemas of `/v1/messages` and `/v1/messages/count_tokens`, as Anthropic's API has them.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import { z } from "@hono/zod-openapi";
import { anthropicMessage, textBlocks } from "./anthropic_blocks.ts";
import { bounded, label, optional, slicedList } from "./fields.ts";
import { cacheControl } from "./messages.ts";
import { strictFields } from "./strict_fields.ts";
import { jsonSchema } from "./tools.ts";
import { unserved } from "./unserved.ts";

const toolType = optional(
  z.literal("custom", {
    error: ({ input }) => `${String(input).slice(0, 64)} is not supported yet: only tools of the client are`,
  }),
);

const tool = strictFields({
  type: toolType.describe("Tools that Anthropic runs, or defines, are refused by name"),
  name: z.string().min(1).max(256).describe("Name of the tool"),
  description: optional(z.string()).describe("What it does"),
  input_schema: jsonSchema.describe("JSON schema of its arguments, an object's"),
  strict: optional(z.boolean()).describe("Arguments follow the schema in any case"),
  cache_control: cacheControl,
  eager_input_streaming: optional(z.boolean()).describe(
    "Without effect: arguments always come as they are made",
  ),
  allowed_callers: unserved("Who may call the tool", "array", [], ["direct"]),
  defer_loading: unserved("Hide the tool until it is searched for", "boolean", false),
  input_examples: unserved("Examples of arguments", "array", []),
});

const onlyOne = optional(z.boolean()).describe("At most one call in an answer");

const toolChoice = z.discriminatedUnion("type", [
  strictFields({ type: z.literal("auto"), disable_parallel_tool_use: onlyOne }),
  strictFields({ type: z.literal("any"), disable_parallel_tool_use: onlyOne }),
  strictFields({
    type: z.literal("tool"),
    name: z.string().describe("The tool that must be called"),
    disable_parallel_tool_use: onlyOne,
  }),
  strictFields({ type: z.literal("none") }),
]);

const display = optional(z.enum(["summarized", "omitted"])).describe(
  "omitted leaves the text of thinking out of the answer; else all of it is there",
);

const thinkingSwitch = z.discriminatedUnion("type", [
  strictFields({
    type: z.literal("enabled"),
    budget_tokens: z.int().min(1).describe("Tokens of thinking, after which its end is forced"),
    display,
  }),
  strictFields({ type: z.literal("adaptive"), display }),
  strictFields({ type: z.literal("disabled") }),
], {
  error: (issue) =>
    issue.code === "invalid_union"
      ? "expected enabled, adaptive or disabled: others are not supported yet"
      : undefined,
});

const outputFormat = strictFields({
  type: z.literal("json_schema"),
  schema: jsonSchema.describe("JSON schema that the answer follows"),
  name: label.describe("Name of the schema; without effect"),
});

/** What the prompt is rendered from. */
const promptFields = {
  model: z.string().describe("A name of the served model"),
  messages: slicedList(anthropicMessage, "AnthropicMessage", 8192).describe(
    "The conversation; an assistant's message at its end is the beginning of the answer",
  ),
  system: optional(textBlocks).describe("Instructions before the conversation"),
  tools: optional(bounded(z.array(tool), 1024)).describe("Tools that the assistant may call"),
  tool_choice: optional(toolChoice).describe("Whether tools are called, and which"),
  thinking: optional(thinkingSwitch).describe(
    "Whether the model thinks first; with adaptive its chat template says so",
  ),
  output_config: optional(strictFields({
    effort: optional(z.enum(["low", "medium", "high", "xhigh", "max"])).describe(
      "How much the model thinks first, by its chat template; refused where that has no switch for it",
    ),
    format: optional(outputFormat).describe("Form of the answer"),
    task_budget: unserved("Tokens for a task of several answers", "object"),
  })).describe("How the answer is made"),
  output_format: optional(outputFormat).describe("Older place of output_config.format"),
  cache_control: cacheControl,
  context_management: unserved(
    "What is dropped from a long conversation",
    "object",
    {},
    { edits: [] },
    { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
  ),
  mcp_servers: unserved("Servers of tools", "array", []),
  speed: unserved("Which machines answer", "string", "standard"),
  user_profile_id: label.describe("Who asks; without effect"),
  workspace_id: label.describe("Whose request it is; without effect"),
};

/** Body of a request for a message. */
export const messagesRequest = strictFields({
  ...promptFields,
  max_tokens: z.int().min(0).describe(
    "Tokens of the answer, at most, thinking included; cut to what the context leaves",
  ),
  stop_sequences: optional(bounded(z.array(z.string().max(1024)), 64)).describe("Texts that end the answer"),
  stream: optional(z.boolean()).describe("Answer by server-sent events"),
  temperature: optional(z.number().min(0).max(100)).describe(
    "Divides the logits; 0 takes the most probable token",
  ),
  top_k: optional(z.int().min(-1)).describe("Draws from the k most probable tokens; -1 and 0 from all"),
  top_p: optional(z.number().min(0).max(1)).describe(
    "Draws from the most probable tokens that together have this probability",
  ),
  metadata: optional(strictFields({ user_id: label.describe("Who asks; without effect") })).describe(
    "The client's own notes; without effect",
  ),
  service_tier: optional(z.enum(["auto", "standard_only"])).describe(
    "Without effect: all requests have the same",
  ),
  inference_geo: label.describe("Without effect: the model runs where the server is"),
  container: unserved("Container for code", ["string", "object"]),
  diagnostics: unserved("Report on the cache of prompts", "object", {}),
  billing_policy: unserved("Who pays", "object", {}),
  compaction: unserved("Summary in place of a long conversation", "object"),
  fallbacks: unserved("Other models to ask", ["array", "object"], []),
  fallback_credit_token: unserved("Pass for another model", ["string", "object"]),
  thread: unserved("Conversation that the server keeps", "object"),
}).openapi("AnthropicRequest");

/** Body of a request for the number of a prompt's tokens. */
export const countTokensRequest = strictFields(promptFields).openapi("AnthropicCountRequest");
