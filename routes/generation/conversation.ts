/**
 * The internal form of a conversation: what every chat-like API (OpenAI's chat and Responses, Anthropic's messages,
 * Ollama's chat) maps its requests to, and the parts of an answer that each maps back to its own events.
 *
 * @module
 */
import type { ChatMessage, ReasoningOptions, RenderOptions } from "../../runtime/contracts/chat.ts";
import type { GrammarSource } from "../../runtime/contracts/constraint.ts";
import type { FinishReason } from "../../runtime/contracts/outputs.ts";
import type { AnswerPart, AnswerTexts } from "../../runtime/output/parts.ts";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";

/** A function that the assistant may call. */
export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** JSON schema of its arguments, an object's. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Arguments follow the schema in any case: a grammar enforces it. Kept for templates that show it. */
  readonly strict?: boolean;
  /** The request field that has name, description and parameters, for errors; `tools[i]` if left out. */
  readonly param?: string;
  /** The request field that has the parameters; `parameters` in that one if left out. */
  readonly parametersParam?: string;
}

/** Parameters of a tool that was described without any, where templates are to see so. */
export const noParameters = { type: "object", properties: {} };

/** Which tools the answer may or must call. */
export type ToolChoice =
  | { readonly type: "none" }
  | { readonly type: "auto" }
  | { readonly type: "required" }
  | { readonly type: "named"; readonly name: string };

/** A request for an answer to a conversation. */
export interface Conversation {
  /** Of the request; ids of its copies begin with it. */
  readonly id: string;
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice;
  /** Names of the tools that may be called, where the choice is limited to some; undefined: all. */
  readonly allowedTools?: readonly string[];
  /** Whether one answer may have several calls. */
  readonly parallelToolCalls: boolean;
  /** What the answer's content must match; undefined: anything. */
  readonly format?: { readonly grammar: GrammarSource; readonly param: string };
  readonly reasoning?: ReasoningOptions;
  /** Tokens that thinking may have; then its end is forced. */
  readonly thinkingBudget?: number;
  /** The request field that says so, for errors. */
  readonly thinkingBudgetParam?: string;
  /** Whether thinking is told apart from content; if not, it is part of the content. */
  readonly separateReasoning: boolean;
  /** False: a stream has the reasoning in one part, once it is over. True if left out. */
  readonly streamsReasoning?: boolean;
  /** How the template renders it, besides tools and reasoning. */
  readonly render: Omit<RenderOptions, "tools" | "reasoning">;
  /** Sampling parameters by copy, once the length of the prompt is known. */
  readonly sampling: (numPromptTokens: number) => (copy: number) => SamplingParams;
  readonly numCopies: number;
  readonly cacheKey?: string;
  readonly speculative?: boolean;
  readonly reportsRounds?: boolean;
}

export type { AnsweredCall, AnswerPart } from "../../runtime/output/parts.ts";

/** A whole answer. */
export interface Answer extends AnswerTexts {
  readonly finish: FinishReason | undefined;
  /** Tokens of the reasoning. */
  readonly numReasoningTokens: number;
}

/** Reads the parts of one copy's answer out of its output as it comes. */
export interface AnswerReader {
  /** Tokens of the reasoning so far. */
  readonly numReasoningTokens: number;
  /** Parts that became certain with more output. */
  push(output: AnswerOutput): AnswerPart[];
  /** What is left when the generation has ended. */
  flush(): AnswerPart[];
}

/** What a reader needs of an output. */
export interface AnswerOutput {
  readonly text: string;
  readonly tokens: readonly number[];
}
