/**
 * Schemas of the messages of Anthropic's API: blocks of content.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import { bounded, optional } from "./fields.ts";
import { cacheControl } from "./messages.ts";
import { strictFields } from "./strict_fields.ts";
import { freeObject } from "./template_fields.ts";
import { unserved } from "./unserved.ts";

const maxBlocks = 1024;

/** A text, as a block or inside one. */
const textBlock = strictFields({
  type: z.literal("text"),
  text: z.string().describe("What is said"),
  cache_control: cacheControl,
  citations: unserved("Sources of the text", "array", []),
}).openapi("AnthropicText");

/** Text, or blocks of it. */
export const textBlocks = z.union([z.string(), bounded(z.array(textBlock), maxBlocks)]);

const toolUse = strictFields({
  type: z.literal("tool_use"),
  id: z.string().min(1).max(256).describe("What the result of the call names"),
  name: z.string().min(1).max(256).describe("Name of the tool"),
  input: freeObject.describe("Arguments by name"),
  cache_control: cacheControl,
  caller: unserved("Who called the tool", "object", { type: "direct" }),
  toolset_name: unserved("Toolset that the tool belongs to", "string"),
});

const toolResult = strictFields({
  type: z.literal("tool_result"),
  tool_use_id: z.string().min(1).max(256).describe("The call that this answers"),
  content: optional(z.union([
    z.string(),
    bounded(z.array(z.discriminatedUnion("type", [textBlock], { error: unknownBlock })), maxBlocks),
  ])).describe("What the tool said"),
  is_error: optional(z.boolean()).describe("The tool failed: its answer is rendered behind Error:"),
  cache_control: cacheControl,
  toolset_name: unserved("Toolset that the tool belongs to", "string"),
});

const thinking = strictFields({
  type: z.literal("thinking"),
  thinking: z.string().describe("What the assistant thought"),
  signature: optional(z.string()).describe(
    "As the answer had it; not checked, since any thinking may be given",
  ),
});

const redactedThinking = strictFields({
  type: z.literal("redacted_thinking"),
  data: z.string().describe("Without effect: only the server that wrote it can read it"),
});

const block = z.discriminatedUnion(
  "type",
  [textBlock, toolUse, toolResult, thinking, redactedThinking],
  { error: unknownBlock },
);

/** Which blocks a speaker has, besides text. */
const BLOCKS_OF = {
  user: ["tool_result"],
  assistant: ["tool_use", "thinking", "redacted_thinking"],
  system: [],
} as const satisfies Record<string, readonly string[]>;

/** A message of the conversation. */
export const anthropicMessage = strictFields({
  role: z.enum(["user", "assistant", "system"]).describe("Who speaks"),
  content: z.union([z.string(), bounded(z.array(block), maxBlocks)]).describe(
    "What is said, or blocks of it",
  ),
}).superRefine(({ role, content }, context) => {
  if (typeof content === "string") return;
  const allowed: readonly string[] = ["text", ...BLOCKS_OF[role]];
  const at = content.findIndex(({ type }) => !allowed.includes(type));
  if (at < 0) return;
  const message = `${content[at]!.type} is not allowed with role ${role}`;
  context.addIssue({ code: "custom", path: ["content", at, "type"], message });
}).openapi("AnthropicMessage");

/** Names a block of a type that is not known or not served. */
function unknownBlock(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "invalid_union") return undefined;
  const { type } = (issue.input ?? {}) as { readonly type?: unknown };
  return typeof type === "string"
    ? `${type.slice(0, 64)} is not supported yet`
    : "expected the type of a block, such as text";
}
