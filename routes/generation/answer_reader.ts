/**
 * Reads the parts of an answer out of its output, and counts the tokens of its reasoning.
 *
 * @module
 */
import { type AnswerForm, AnswerText } from "../../runtime/output/answer_text.ts";
import type { AnswerPart } from "../../runtime/output/parts.ts";
import type { AnswerOutput, AnswerReader } from "./conversation.ts";

/** Reads an answer in the form that its model writes. */
export class FormReader implements AnswerReader {
  readonly #text: AnswerText;
  /** Tokens whose sequence ends the reasoning. */
  readonly #endTokens: readonly number[];
  /** The last tokens of the reasoning, no more than those. */
  #lastTokens: readonly number[] = [];
  /** Tokens so far that are reasoning if there is any. */
  #numTokens = 0;
  #isOver = false;

  constructor(form: AnswerForm, reasoning: { readonly endTokens: readonly number[] } | undefined) {
    this.#text = new AnswerText(form);
    this.#endTokens = reasoning?.endTokens ?? [];
  }

  get numReasoningTokens(): number {
    return this.#text.hasReasoned ? this.#numTokens : 0;
  }

  push({ text, tokens }: AnswerOutput): AnswerPart[] {
    for (const token of tokens) this.#count(token);
    const parts = this.#text.push(text);
    // Where its end came in other tokens, the text shows it.
    this.#isOver ||= !this.#text.isReasoning;
    return parts;
  }

  flush(): AnswerPart[] {
    return this.#text.flush();
  }

  #count(token: number): void {
    if (this.#isOver) return;
    this.#numTokens++;
    this.#lastTokens = [...this.#lastTokens, token].slice(-this.#endTokens.length);
    this.#isOver = this.#lastTokens.length === this.#endTokens.length &&
      this.#lastTokens.every((token, i) => token === this.#endTokens[i]);
  }
}
