/**
 * The vocabulary as the matchers see it: the bytes of every token that is text, the tokens that end an answer.
 *
 * @module
 */
import type { TokenizerInfo } from "@mlc-ai/web-xgrammar";
import { toByteLevel } from "../../tokenizer/encoding/bytes.ts";
import type { TokenDecoder } from "../../tokenizer/token_decoder.ts";
import { xgrammar } from "./xgrammar.ts";

/** What a model's tokens are. */
export interface Vocabulary {
  /** Logits of the model, padding included. */
  readonly vocabSize: number;
  /** Tokens that end an answer. */
  readonly endTokens: readonly number[];
}

/**
 * The vocabulary in xgrammar's form. Every token is spelled in byte-level characters, whatever its tokenizer, since
 * its bytes are what the grammar is matched with. Special and end tokens, and ids without a token, have no bytes: no
 * grammar allows them as text.
 *
 * @param spoken special tokens that are text here
 */
export function createTokenizerInfo(
  tokenizer: TokenDecoder,
  { vocabSize, endTokens }: Vocabulary,
  spoken: ReadonlySet<number> = new Set(),
): Promise<TokenizerInfo> {
  const isMute = (token: number) =>
    endTokens.includes(token) || (tokenizer.isSpecial(token) && !spoken.has(token));
  const spelled = Array.from(
    { length: vocabSize },
    (_, token) => isMute(token) ? "" : toByteLevel(tokenizer.tokenBytes(token)),
  );
  return xgrammar.TokenizerInfo.createTokenizerInfo(spelled, "byte_level", false, vocabSize, [...endTokens]);
}
