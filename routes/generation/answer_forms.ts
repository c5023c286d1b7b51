/**
 * The forms in which the served model writes reasoning and calls of tools.
 *
 * @module
 */
import type { Generator } from "../../runtime/contracts/generation.ts";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import type { CallFormat } from "../../runtime/output/call_format.ts";
import { callFormatNamed, callFormatOf } from "../../runtime/output/call_formats.ts";
import type { ReasoningFormat } from "../../runtime/output/reasoning.ts";
import { reasoningFormatNamed, reasoningFormatOf } from "../../runtime/output/reasoning_formats.ts";

/** What a model's answers may have besides content. */
export interface AnswerForms {
  /** Undefined: its chat template asks for calls in a form that is not served. */
  readonly calls: CallFormat | undefined;
  /** Undefined: it does not reason, as far as its chat template says. */
  readonly reasoning: ReasoningFormat | undefined;
}

/** By model: templates are long texts. */
const known = new WeakMap<ModelInfo, AnswerForms>();

/** The forms that the flags name, or else the chat template. */
export function answerFormsOf(model: ModelInfo): AnswerForms {
  const forms = known.get(model) ?? findForms(model);
  known.set(model, forms);
  return forms;
}

function findForms({ tokenizer, toolCallParser, reasoningParser }: ModelInfo): AnswerForms {
  const { chatTemplate = "", toolTemplate = chatTemplate } = tokenizer;
  return {
    calls: toolCallParser === undefined
      ? callFormatOf(toolTemplate)
      : callFormatNamed(toolCallParser, toolTemplate),
    reasoning: reasoningParser === undefined
      ? reasoningFormatOf(chatTemplate)
      : reasoningFormatNamed(reasoningParser),
  };
}

/** Tokens of texts that models write around calls and reasoning, by generator: they are the same for all requests. */
const tokensOf = new WeakMap<Generator, Map<string, readonly number[]>>();

/** Tokens of such a text. */
export async function markTokens(generator: Generator, mark: string): Promise<readonly number[]> {
  let marks = tokensOf.get(generator);
  if (marks === undefined) tokensOf.set(generator, marks = new Map());
  const found = marks.get(mark);
  if (found !== undefined) return found;
  const tokens = [...await generator.encode(mark, { addSpecialTokens: false, parseSpecial: true })];
  marks.set(mark, tokens);
  return tokens;
}
