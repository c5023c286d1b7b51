/**
 * From a prompt or a conversation to tokens that fit the model.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { ChatMessage, Generator, ModelInfo } from "../runtime/generation.ts";
import { refuse } from "./errors.ts";
import type { chatMessage } from "./schema_chat.ts";

/** No text of a real model has longer tokens on average; beyond it tokenizing is not even tried. */
const maxCharsPerToken = 64;

/** One raw prompt: text or token ids. */
export type Prompt = string | readonly number[];

/** A prompt or a list of them, told apart by the first entry. */
export function promptsOf(
  input: Prompt | readonly Prompt[],
): { isBatch: boolean; prompts: readonly Prompt[] } {
  return isPrompt(input) ? { isBatch: false, prompts: [input] } : { isBatch: true, prompts: input };
}

function isPrompt(input: Prompt | readonly Prompt[]): input is Prompt {
  return typeof input === "string" || typeof input[0] === "number";
}

/**
 * Tokens of a raw prompt. Special tokens written in it are special: its author renders the template.
 *
 * @throws {InvalidRequestError} naming `param` if the prompt is empty, too long, or has unknown tokens
 */
export function promptTokens(generator: Generator, prompt: Prompt, param: string): Int32Array {
  const { model } = generator;
  if (typeof prompt === "string") {
    const text = model.allowAutoTruncate ? prompt.slice(0, maxChars(model)) : prompt;
    checkLength(text.length, model, param);
    return checkFits(generator.encode(text, { addSpecialTokens: true, parseSpecial: true }), model, param);
  }
  const unknown = prompt.find((token) => token >= model.vocabSize);
  if (unknown !== undefined) {
    refuse(param, `token ${unknown} is outside the vocabulary of ${model.vocabSize}`);
  }
  return checkFits(Int32Array.from(prompt), model, param);
}

/**
 * Tokens of a conversation by the model's template.
 *
 * @throws {InvalidRequestError} if it is too long, or its last message cannot be continued as asked
 */
export function chatTokens(
  generator: Generator,
  messages: readonly z.infer<typeof chatMessage>[],
  continueFinalMessage: boolean,
): Int32Array {
  if (continueFinalMessage && messages.at(-1)?.role !== "assistant") {
    refuse("continue_final_message", "the last message is not the assistant's");
  }
  const rendered = messages.map(toChatMessage);
  checkLength(rendered.reduce((sum, { content }) => sum + content.length, 0), generator.model, "messages");
  return checkFits(generator.renderChat(rendered, { continueFinalMessage }), generator.model, "messages");
}

function toChatMessage({ role, content, name }: z.infer<typeof chatMessage>): ChatMessage {
  return {
    // OpenAI's newer word for the same role; templates know the older one.
    role: role === "developer" ? "system" : role,
    content: typeof content === "string" ? content : content.map((part) => part.text).join(" "),
    ...(name === undefined ? {} : { name }),
  };
}

function maxChars({ contextLength }: ModelInfo): number {
  return contextLength * maxCharsPerToken;
}

function checkLength(numChars: number, model: ModelInfo, param: string): void {
  if (numChars > maxChars(model)) {
    refuse(param, tooLong(`${numChars} characters`, model.contextLength), "context_length");
  }
}

/** The tokens, cut so that one more fits the context if the server cuts. */
function checkFits(
  tokens: Int32Array,
  { contextLength, allowAutoTruncate }: ModelInfo,
  param: string,
): Int32Array {
  if (tokens.length === 0) refuse(param, "the input is empty");
  if (tokens.length < contextLength) return tokens;
  if (allowAutoTruncate) return tokens.slice(0, contextLength - 1);
  refuse(param, tooLong(`${tokens.length} tokens`, contextLength), "context_length");
}

function tooLong(size: string, contextLength: number): string {
  return `the input (${size}) is longer than the model's context length (${contextLength} tokens)`;
}
