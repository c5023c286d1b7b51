/**
 * The engine's half that turns tokens into text, at once and in the calling thread.
 *
 * @module
 */
import type { EngineTokenizer } from "./engine_options.ts";
import type { Generator } from "./generation.ts";
import { decodeWithStarts } from "./text_stream.ts";

/** What a tokenizer's look-ups say, as {@linkcode Generator} asks for it. */
export class EngineDecoding
  implements Pick<Generator, "decode" | "detokenizer" | "decodeWithStarts" | "tokenName" | "tokenBytes"> {
  readonly #tokenizer: EngineTokenizer;

  /** Looks up in `tokenizer`. */
  constructor(tokenizer: EngineTokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** Text of tokens. */
  decode(...args: Parameters<Generator["decode"]>): string {
    return this.#tokenizer.decode(...args);
  }

  /** Text of tokens, pushed one by one. */
  detokenizer(...args: Parameters<Generator["detokenizer"]>): ReturnType<Generator["detokenizer"]> {
    return this.#tokenizer.detokenizer(...args);
  }

  /** Text of tokens, and the characters before the text of each. */
  decodeWithStarts(tokens: readonly number[]): ReturnType<Generator["decodeWithStarts"]> {
    return decodeWithStarts(this.#tokenizer.detokenizer({ skipSpecialTokens: false }), tokens);
  }

  /** A token as the vocabulary writes it. */
  tokenName(token: number): string {
    return this.#tokenizer.tokenName(token);
  }

  /** Bytes that a token adds to a text. */
  tokenBytes(token: number): Uint8Array {
    return this.#tokenizer.tokenBytes(token);
  }
}
