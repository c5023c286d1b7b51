/**
 * Fields that reach the chat template, and what they ask of it.
 *
 * @module
 */
// deno-lint-ignore-file camelcase -- fields are named as on the wire
import { z } from "@hono/zod-openapi";
import type { ReasoningOptions, RenderOptions } from "../../runtime/contracts/chat.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { optional } from "./fields.ts";
import { strictFields } from "./strict_fields.ts";
import { unserved } from "./unserved.ts";

/** Values in one object of free form, and levels they nest. */
const maxValues = 4096, maxDepth = 32;
/** What every template gets from the model, from fields of their own, or from its language. */
const reserved =
  /^(messages|tools|documents|add_generation_prompt|(bos|eos|unk|pad)_token|[tT]rue|[fF]alse|[nN]one|range|namespace|raise_exception|strftime_now)$/;

/** An object of free form: JSON, bounded. */
export function boundedObject(
  maxValues: number,
  maxDepth: number,
): z.ZodCustom<Readonly<Record<string, unknown>>> {
  return z.custom<Readonly<Record<string, unknown>>>(
    (value) =>
      typeof value === "object" && value !== null && !Array.isArray(value) &&
      isBounded(value, { maxValues, maxDepth }),
    `expected an object of at most ${maxValues} values, nested at most ${maxDepth} levels`,
  ).openapi({ type: "object", additionalProperties: true });
}

/** The same with the bounds of what templates read. */
export const freeObject = boundedObject(maxValues, maxDepth);

/** Whether JSON has few enough values; looks at no more of them. */
function isBounded(
  root: object,
  { maxValues, maxDepth }: { readonly maxValues: number; readonly maxDepth: number },
): boolean {
  const open: [value: object, depth: number][] = [[root, 1]];
  let numValues = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, depth] = next;
    if (depth > maxDepth) return false;
    const entries = Array.isArray(value) ? value : Object.values(value);
    numValues += entries.length;
    if (numValues > maxValues) return false;
    for (const entry of entries) {
      if (typeof entry === "object" && entry !== null) open.push([entry, depth + 1]);
    }
  }
  return true;
}

const templateKwargs = freeObject.superRefine((kwargs, context) => {
  for (const name of Object.keys(kwargs)) {
    if (reserved.test(name)) {
      context.addIssue({ code: "custom", path: [name], message: "the name is taken" });
    } else if (!/^[a-zA-Z]\w{0,63}$/.test(name)) {
      context.addIssue({ code: "custom", path: [name], message: "expected the name of a variable" });
    } else continue;
    return;
  }
});

const effort = z.union([
  z.enum(["none", "minimal", "low", "medium", "high", "xhigh", "ultra", "max"]),
  z.number().min(0).max(0.99),
], "expected none, minimal, low, medium, high, xhigh, ultra, max, or a number from 0 to 0.99");

/** Far above any context. */
const budget = z.int().min(0).max(1e9);

/** Fields of a chat that its template reads, and those about reasoning. */
export const templateFields = {
  chat_template_kwargs: optional(templateKwargs).openapi({
    type: ["object", "null"],
    additionalProperties: true,
    description: "Variables for the model's chat template",
  }),
  add_generation_prompt: optional(z.boolean()).describe(
    "False renders the messages without the beginning of the assistant's turn",
  ),
  continue_final_message: optional(z.boolean()).describe(
    "The last message, the assistant's, is the beginning of the answer",
  ),
  reasoning_effort: optional(effort).describe(
    "How much the model thinks first, by its chat template; where that has no switch for it, only none is accepted",
  ),
  reasoning: optional(strictFields({
    effort: optional(effort).describe("As reasoning_effort"),
    enabled: optional(z.boolean()).describe("As enable_thinking"),
    max_tokens: optional(budget).describe("As thinking_budget"),
    exclude: unserved("Leave reasoning out of the answer", "boolean", false),
    summary: unserved("Summary of the reasoning", "string"),
  })).describe("OpenRouter's form of reasoning_effort"),
  enable_thinking: optional(z.boolean()).describe("Whether the model thinks first, by its chat template"),
  thinking: optional(z.union([
    z.boolean(),
    strictFields({
      type: z.enum(["enabled", "adaptive", "disabled"]),
      effort: optional(effort).describe("As reasoning_effort"),
      budget_tokens: optional(budget).describe("As thinking_budget"),
      clear_thinking: unserved("Leave out earlier reasoning", "boolean", true),
    }),
  ])).describe("Other form of enable_thinking"),
  thinking_budget: optional(budget).describe("Tokens that reasoning may take; then its end is forced"),
  thinking_token_budget: optional(budget).describe("vLLM's name of thinking_budget"),
  include_reasoning: optional(z.boolean()).describe("vLLM's name of separate_reasoning"),
  separate_reasoning: optional(z.boolean()).describe(
    "False leaves reasoning in the answer's content, with its marks",
  ),
  stream_reasoning: optional(z.boolean()).describe(
    "False holds a stream's reasoning back until it is over, and sends it at once",
  ),
};

/** Whether reasoning is told apart from content, and streamed. */
export function reasoningShownBy(
  { separate_reasoning: separate, include_reasoning: include, stream_reasoning: stream }: TemplateFields,
): { readonly separateReasoning: boolean; readonly streamsReasoning: boolean } {
  return { separateReasoning: separate ?? include ?? true, streamsReasoning: stream ?? true };
}

/** Tokens that reasoning may take, and the field that says so. */
interface ThinkingBudget {
  readonly thinkingBudget: number;
  readonly thinkingBudgetParam: string;
}

/**
 * Tokens that reasoning may take.
 *
 * @throws {InvalidRequestError} if two fields say different numbers
 */
export function thinkingBudgetOf(fields: TemplateFields): Partial<ThinkingBudget> {
  const { reasoning, thinking } = fields;
  const budgets = {
    thinking_budget: fields.thinking_budget,
    thinking_token_budget: fields.thinking_token_budget,
    "reasoning.max_tokens": reasoning?.max_tokens,
    "thinking.budget_tokens": typeof thinking === "object" ? thinking.budget_tokens : undefined,
  };
  const given = Object.entries(budgets).filter(([, budget]) => budget !== undefined);
  const [first] = given, other = given.find(([, budget]) => budget !== first![1]);
  if (other !== undefined) throwInvalidField(other[0], `differs from ${first![0]}`);
  return first === undefined ? {} : { thinkingBudget: first[1]!, thinkingBudgetParam: first[0] };
}

type TemplateFields = z.output<ReturnType<typeof z.object<typeof templateFields>>>;

/**
 * How a chat is rendered.
 *
 * @throws {InvalidRequestError} if the last message is to be continued and a new turn to be opened
 */
export function renderOptionsOf(fields: TemplateFields): RenderOptions {
  const {
    chat_template_kwargs: variables,
    add_generation_prompt: addGenerationPrompt,
    continue_final_message: continueFinalMessage,
  } = fields;
  if (addGenerationPrompt && continueFinalMessage) {
    throwInvalidField("add_generation_prompt", "continue_final_message is set too");
  }
  const reasoning = reasoningOf(fields);
  return {
    ...(variables !== undefined && { variables }),
    ...(addGenerationPrompt !== undefined && { addGenerationPrompt }),
    ...(continueFinalMessage !== undefined && { continueFinalMessage }),
    ...(reasoning !== undefined && { reasoning }),
  };
}

/** What the fields say about reasoning; a switch goes before an effort. */
function reasoningOf(fields: TemplateFields): ReasoningOptions | undefined {
  const { reasoning_effort: ownEffort, reasoning, enable_thinking: enableThinking, thinking } = fields;
  const effort = ownEffort ?? reasoning?.effort ??
    (typeof thinking === "object" ? thinking.effort : undefined);
  const withEffort = effort === undefined ? {} : { effort };
  if (enableThinking !== undefined) {
    return { enabled: enableThinking, param: "enable_thinking", ...withEffort };
  }
  if (thinking !== undefined) {
    const enabled = typeof thinking === "boolean" ? thinking : thinking.type !== "disabled";
    return { enabled, param: "thinking", ...withEffort };
  }
  if (reasoning?.enabled !== undefined) {
    return { enabled: reasoning.enabled, param: "reasoning", ...withEffort };
  }
  if (effort === undefined) return undefined;
  const param = ownEffort === undefined ? "reasoning" : "reasoning_effort";
  return { enabled: effort !== "none", effort, param };
}
