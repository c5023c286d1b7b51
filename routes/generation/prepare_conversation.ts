/**
 * From a conversation to the generations that answer it, and to readers of their outputs.
 *
 * @module
 */
import type { OutputConstraint, ThinkingConstraint } from "../../runtime/contracts/constraint.ts";
import type { GenerationRequest, Generator } from "../../runtime/contracts/generation.ts";
import type { AnswerForm } from "../../runtime/output/answer_text.ts";
import { callGrammar } from "../../runtime/output/call_grammar.ts";
import {
  type ReasoningFormat,
  type ReasoningState,
  stateAfter,
  stateWithin,
} from "../../runtime/output/reasoning.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { type AnswerForms, answerFormsOf, markTokens } from "./answer_forms.ts";
import { FormReader } from "./answer_reader.ts";
import type { RouteContext } from "./context.ts";
import type { AnswerReader, Conversation } from "./conversation.ts";
import { chatTokens } from "./prompt.ts";
import { copiesOf } from "./run.ts";
import { type OfferedTools, offeredTools } from "./tools.ts";

/** A conversation that is ready to be answered. */
export interface PreparedConversation {
  readonly promptTokens: Int32Array;
  /** One per copy. */
  readonly requests: readonly GenerationRequest[];
  /** A reader for the answer of one copy. */
  reader(): AnswerReader;
}

/** Reasoning of one conversation's answers. */
interface Reasoning {
  readonly format: ReasoningFormat;
  readonly state: ReasoningState;
  /** Of its marks. */
  readonly beginTokens: readonly number[];
  readonly endTokens: readonly number[];
}

/**
 * Renders a conversation and says what its answers obey.
 *
 * @throws {InvalidRequestError} if the model cannot be asked so
 */
export async function prepareConversation(
  conversation: Conversation,
  { generator }: RouteContext,
  signal: AbortSignal,
): Promise<PreparedConversation> {
  const { id, numCopies, cacheKey, speculative, reportsRounds } = conversation;
  const forms = answerFormsOf(generator.model), tools = offeredTools(conversation, generator.model);
  checkServed(conversation, { tools, forms });
  const promptTokens = await chatTokens(
    generator,
    conversation.messages,
    {
      ...conversation.render,
      ...(conversation.reasoning !== undefined && { reasoning: conversation.reasoning }),
      ...(tools !== undefined && { tools: tools.rendered }),
    },
    signal,
  );
  const reasoning = await reasoningOf(conversation, promptTokens, { generator, format: forms.reasoning });
  const constraint = constraintOf(conversation, { tools, forms, reasoning });
  const shownTokens = await shownTokensOf(generator, { tools, forms, reasoning });
  const common = {
    ...(cacheKey !== undefined && { cacheKey }),
    ...(speculative !== undefined && { speculative }),
    ...(reportsRounds !== undefined && { reportsRounds }),
    ...(constraint !== undefined && { constraint }),
    ...(shownTokens.length > 0 && { shownTokens }),
  };
  const form = formOf(conversation, { tools, forms, reasoning });
  return {
    promptTokens,
    requests: copiesOf(id, promptTokens, numCopies, conversation.sampling(promptTokens.length), common),
    reader: () => new FormReader(form, reasoning),
  };
}

/** Refuses what the model has no form for. */
function checkServed(
  { thinkingBudget, thinkingBudgetParam = "thinking_budget" }: Conversation,
  { tools, forms }: Omit<Known, "reasoning">,
): void {
  if (tools !== undefined && forms.calls === undefined) {
    throwInvalidField(
      "tools",
      "the model's chat template asks for calls in a form that is not served; --tool-call-parser may name another",
    );
  }
  if (thinkingBudget !== undefined && forms.reasoning === undefined) {
    throwInvalidField(thinkingBudgetParam, "the model's chat template knows no reasoning");
  }
}

/** What is known of a conversation's answers. */
interface Known {
  readonly tools: OfferedTools | undefined;
  readonly forms: AnswerForms;
  readonly reasoning: Reasoning | undefined;
}

/** Tokens at the end of a prompt in which a template may open or close the reasoning. */
const numLastTokens = 32;

/** Undefined if the answers have no reasoning. */
async function reasoningOf(
  { messages, render }: Conversation,
  promptTokens: Int32Array,
  { generator, format }: { readonly generator: Generator; readonly format: ReasoningFormat | undefined },
): Promise<Reasoning | undefined> {
  if (format === undefined) return undefined;
  const beginning = render.continueFinalMessage ? messages.at(-1)!.content : undefined;
  // A token has at least a character, but for parts of one.
  const numLast = numLastTokens + (beginning?.length ?? 0) * 4;
  const prompt = generator.decode([...promptTokens.subarray(-numLast)]);
  const state = beginning === undefined
    ? stateAfter(prompt, format)
    : stateWithin(prompt.slice(0, prompt.length - beginning.length), beginning, format);
  if (state === "over") return undefined;
  const [beginTokens, endTokens] = await Promise.all([
    markTokens(generator, format.begin),
    markTokens(generator, format.end),
  ]);
  return { format, state, beginTokens, endTokens };
}

function constraintOf(
  conversation: Conversation,
  { tools, forms, reasoning }: Known,
): OutputConstraint | undefined {
  const { format, toolChoice, thinkingBudget, thinkingBudgetParam = "thinking_budget" } = conversation;
  const grammar = tools === undefined || !tools.isEnforced
    ? format?.grammar
    : callGrammar(forms.calls!.written, tools.callable, {
      isRequired: tools.isRequired,
      // A named function is called once, as by OpenAI.
      isParallel: conversation.parallelToolCalls && toolChoice.type !== "named",
      content: format?.grammar,
    });
  const thinking = reasoning && thinkingOf(reasoning, thinkingBudget);
  if (grammar === undefined && (thinking === undefined || thinkingBudget === undefined)) return undefined;
  return {
    ...(grammar !== undefined && { grammar }),
    ...(thinking !== undefined && { thinking }),
    param: tools !== undefined ? "tools" : format?.param ?? thinkingBudgetParam,
  };
}

/** Undefined if the tokens do not show whether the answer begins with reasoning. */
function thinkingOf(
  { state, beginTokens, endTokens }: Reasoning,
  maxTokens: number | undefined,
): ThinkingConstraint | undefined {
  if (state === "possible" && beginTokens.length !== 1) return undefined;
  return {
    ...(state === "possible" && { startToken: beginTokens[0]! }),
    endTokens,
    ...(maxTokens !== undefined && { maxTokens }),
  };
}

/** Marks that are tokens of their own. */
async function shownTokensOf(
  generator: Generator,
  { tools, forms, reasoning }: Known,
): Promise<number[]> {
  const marks = tools === undefined ? [] : forms.calls!.marks;
  const all = [...await Promise.all(marks.map((mark) => markTokens(generator, mark)))];
  if (reasoning !== undefined) all.push(reasoning.beginTokens, reasoning.endTokens);
  return all.flatMap((tokens) => tokens.length === 1 ? tokens : []);
}

function formOf(
  { separateReasoning: isSeparate, streamsReasoning: streams = true }: Conversation,
  { tools, forms, reasoning }: Known,
): AnswerForm {
  return {
    ...(reasoning !== undefined && {
      reasoning: { ...reasoning.format, state: reasoning.state, isSeparate, streams },
    }),
    ...(tools !== undefined && {
      calls: { format: forms.calls!, names: new Set(tools.callable.map(({ name }) => name)) },
    }),
  };
}
