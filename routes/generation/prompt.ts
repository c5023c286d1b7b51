/**
 * From a prompt or a conversation to tokens that fit the model.
 *
 * @module
 */
import type { ChatMessage, EncodeOptions, RenderOptions } from "../../runtime/contracts/chat.ts";
import type { Generator } from "../../runtime/contracts/generation.ts";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import { checkTextFits, inputTooLong } from "../../runtime/contracts/text_length.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { Slices } from "../answers/slices.ts";

/** One raw prompt: text or token ids. */
export type Prompt = string | readonly number[];

/** A prompt or a list of prompts, distinguished by the first entry. */
export function promptsOf(
  input: Prompt | readonly Prompt[],
): { isBatch: boolean; prompts: readonly Prompt[] } {
  return isPrompt(input) ? { isBatch: false, prompts: [input] } : { isBatch: true, prompts: input };
}

function isPrompt(input: Prompt | readonly Prompt[]): input is Prompt {
  return typeof input === "string" || typeof input[0] === "number";
}

/**
 * The value of a field for each prompt: the same for all, or a list of one each.
 *
 * @throws {InvalidRequestError} naming `param` if the list is longer or shorter than the batch
 */
export function perPrompt<T>(value: T | readonly T[], numPrompts: number, param: string): readonly T[] {
  if (!isList(value)) return new Array<T>(numPrompts).fill(value);
  if (value.length !== numPrompts) {
    throwInvalidField(param, `${value.length} entries for ${numPrompts} prompts`);
  }
  return value;
}

/** Request ids by prompt; one for a batch is their common beginning. */
export function idsOf(
  rid: string | readonly string[],
  isBatch: boolean,
  numPrompts: number,
): readonly string[] {
  if (typeof rid === "string" && isBatch) return Array.from({ length: numPrompts }, (_, i) => `${rid}-${i}`);
  return perPrompt(rid, numPrompts, "rid");
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/**
 * Tokens of raw prompts, one after the other, so that a large batch does not hold up other requests. Special tokens
 * written in them are special: their author renders the template.
 *
 * @throws {InvalidRequestError} naming `param` if a prompt is empty, too long, or has unknown tokens
 */
export async function promptTokens(
  generator: Generator,
  prompts: readonly Prompt[],
  param: string,
  signal: AbortSignal,
  { addSpecialTokens = true }: EncodeOptions = {},
): Promise<Int32Array[]> {
  const { model } = generator;
  const asked = prompts.map((prompt) => {
    if (typeof prompt !== "string") return prompt;
    if (model.allowAutoTruncate) {
      return prompt.slice(0, model.textBound.maxBytesPerToken * model.contextLength);
    }
    checkTextFits(param, [prompt], model.textBound, model.contextLength);
    return prompt;
  });
  const all: Int32Array[] = [], slices = new Slices();
  for (const prompt of asked) {
    await slices.yieldTurn();
    const tokens = typeof prompt === "string"
      ? await generator.encode(prompt, { addSpecialTokens, parseSpecial: true }, signal)
      : knownTokens(prompt, model, param);
    all.push(checkFits(tokens, model, param));
  }
  return all;
}

function knownTokens(prompt: readonly number[], model: ModelInfo, param: string): Int32Array {
  checkVocabulary(prompt, model, param);
  return new Int32Array(prompt);
}

/** Refuses token ids that the model does not know. */
export function checkVocabulary(ids: readonly number[], { vocabSize }: ModelInfo, param: string): void {
  const unknown = ids.find((id) => id >= vocabSize);
  if (unknown !== undefined) {
    throwInvalidField(param, `token ${unknown} is outside the vocabulary of ${vocabSize}`);
  }
}

/**
 * Tokens of a conversation by the model's template.
 *
 * @throws {InvalidRequestError} if it is too long, the template does not show all of it, or its last message cannot be
 * continued as asked
 */
export async function chatTokens(
  generator: Generator,
  messages: readonly ChatMessage[],
  options: RenderOptions,
  signal: AbortSignal,
): Promise<Int32Array> {
  if (options.continueFinalMessage && messages.at(-1)?.role !== "assistant") {
    throwInvalidField("continue_final_message", "the last message is not the assistant's");
  }
  const tokens = await generator.renderChat(messages, options, signal);
  return checkFits(tokens, generator.model, "messages");
}

/** The tokens, cut so that one more fits the context if the server cuts. */
function checkFits(
  tokens: Int32Array,
  { contextLength, allowAutoTruncate }: ModelInfo,
  param: string,
): Int32Array {
  if (tokens.length === 0) throwInvalidField(param, "the input is empty");
  if (tokens.length < contextLength) return tokens;
  if (allowAutoTruncate) return tokens.slice(0, contextLength - 1);
  throw inputTooLong(param, `${tokens.length} tokens`, contextLength);
}
