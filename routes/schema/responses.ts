/**
 * Schema of the body of `/v1/responses`.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import {
  bounded,
  label,
  labelFields,
  optional,
  samplingFields,
  seedField,
  slicedList,
  speculativeField,
} from "./fields.ts";
import { metadata, responsesItem } from "./responses_items.ts";
import { cacheKeyFields, openaiLabels } from "./openai_labels.ts";
import { strictFields } from "./strict_fields.ts";
import { jsonSchema } from "./tools.ts";
import { unserved } from "./unserved.ts";

const { temperature, top_p: topP, ...others } = samplingFields.shape;
const { top_k: topK, min_p: minP, stop } = others;
const { frequency_penalty: frequency, presence_penalty: presence, repetition_penalty: repetition } = others;

const functionTool = strictFields({
  type: z.literal("function"),
  name: z.string().min(1).max(256).describe("Name of the tool"),
  description: optional(z.string()).describe("What it does"),
  parameters: optional(jsonSchema).describe("JSON schema of its arguments, an object's"),
  strict: optional(z.boolean()).describe("Arguments follow the schema in any case"),
  allowed_callers: unserved("Who may call the tool", "array", [], ["direct"]),
  defer_loading: unserved("Hide the tool until it is searched for", "boolean", false),
  output_schema: unserved("JSON schema of what it says", "object"),
});

const tool = z.discriminatedUnion("type", [functionTool], { error: onlyFunctions });

const toolName = strictFields({ type: z.literal("function"), name: z.string() });

const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.discriminatedUnion("type", [
    toolName,
    strictFields({
      type: z.literal("allowed_tools"),
      mode: z.enum(["auto", "required"]),
      tools: bounded(
        z.array(z.discriminatedUnion("type", [toolName], { error: onlyFunctions })).min(1),
        1024,
      ),
    }),
  ], { error: onlyFunctions }),
]);

const textFormat = z.discriminatedUnion("type", [
  strictFields({ type: z.literal("text") }),
  strictFields({ type: z.literal("json_object") }),
  strictFields({
    type: z.literal("json_schema"),
    name: z.string().min(1).max(256).describe("Name of the schema; without effect"),
    schema: jsonSchema.describe("JSON schema that the answer follows"),
    description: optional(z.string()).describe("What the answer is; without effect"),
    strict: optional(z.boolean()).describe("Without effect: the schema is enforced in any case"),
  }),
], {
  error: (issue) => issue.code === "invalid_union" ? "expected text, json_object or json_schema" : undefined,
});

/** Parts of an answer that clients ask for; what is not made here cannot be missed. */
const included = z.enum([
  "reasoning.encrypted_content",
  "file_search_call.results",
  "web_search_call.results",
  "web_search_call.action.sources",
  "message.input_image.image_url",
  "computer_call_output.output.image_url",
  "code_interpreter_call.outputs",
], {
  error: ({ input }) =>
    input === "message.output_text.logprobs" ? "logprobs of a response are not supported yet" : undefined,
});

const summary = optional(z.enum(["auto", "concise", "detailed"])).describe(
  "Without effect: the answer has the reasoning itself",
);

/** Body of a request for a response. */
export const responsesRequest = strictFields({
  model: optional(z.string()).describe("A name of the served model; empty, `default` and none mean it too"),
  input: z.union([
    z.string(),
    slicedList(responsesItem, "ResponseInputItem", 8192),
  ]).describe("What the user says, or items of the conversation"),
  instructions: optional(z.string()).describe(
    "Instructions before the conversation, for this response alone",
  ),
  previous_response_id: optional(z.string().min(1).max(256)).describe(
    "Stored response whose conversation this one continues",
  ),
  store: optional(z.boolean()).describe(
    "Keep the response for previous_response_id and for GET, which is the default: in memory, for a day at most",
  ),
  max_output_tokens: optional(z.int().min(1)).describe("Tokens of the answer, at most, reasoning included"),
  temperature,
  top_p: topP,
  top_k: topK,
  min_p: minP,
  frequency_penalty: frequency,
  presence_penalty: presence,
  repetition_penalty: repetition,
  stop,
  seed: seedField.describe("Makes the draws reproducible"),
  stream: optional(z.boolean()).describe("Answer by server-sent events"),
  stream_options: optional(strictFields({
    include_obfuscation: unserved("Pad events so that their sizes say nothing", "boolean", false),
  })).describe("What a stream carries"),
  tools: optional(bounded(z.array(tool), 1024)).describe("Tools that the assistant may call"),
  tool_choice: optional(toolChoice).describe("Whether tools are called, and which"),
  parallel_tool_calls: optional(z.boolean()).describe(
    "Whether one answer may have several calls; true if left out",
  ),
  max_tool_calls: unserved("Calls of tools that the server runs", "integer"),
  text: optional(strictFields({
    format: optional(textFormat).describe("Form of the answer"),
    verbosity: unserved("How long the answer is", "string", "medium"),
  })).describe("How the answer is written"),
  reasoning: optional(strictFields({
    effort: optional(z.enum(["none", "minimal", "low", "medium", "high", "xhigh", "max"])).describe(
      "How much the model thinks first, by its chat template; where that has no switch for it, only none is accepted",
    ),
    summary,
    generate_summary: summary,
    context: unserved("Which earlier reasoning is shown", "string", "auto"),
    mode: unserved("How the model thinks", "string", "standard"),
  })).describe("Whether the model thinks first"),
  truncation: optional(z.enum(["auto", "disabled"])).describe(
    "auto drops the first turns of a conversation that does not fit the context; else it is refused",
  ),
  metadata,
  include: optional(bounded(z.array(included), 16)).describe("Without effect: there are no such parts"),
  ...cacheKeyFields,
  speculative: speculativeField,
  user: label.describe("Who asks; without effect"),
  ...openaiLabels,
  ...labelFields,
  access_programs: unserved("Programs that OpenAI lets clients take part in", "object", {}),
  background: unserved("Answer at once, and go on without the client", "boolean", false),
  conversation: unserved("Conversation that the server keeps; see previous_response_id", [
    "string",
    "object",
  ]),
  prompt: unserved("Prompt that the server keeps", "object"),
  context_management: unserved("What is dropped from a long conversation", "array", []),
  moderation: unserved("Moderation of input and output", "object"),
  top_logprobs: unserved("Alternatives to each token", "integer", 0),
}).openapi("ResponseRequest");

/** Names a kind of tool that is not served. */
function onlyFunctions(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "invalid_union") return undefined;
  const { type } = (issue.input ?? {}) as { readonly type?: unknown };
  return typeof type === "string"
    ? `${type.slice(0, 64)} is not supported yet: only functions are`
    : "expected the type of a tool";
}
