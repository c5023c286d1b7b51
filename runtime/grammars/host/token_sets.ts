/**
 * Sets of tokens as masks: bit t % 32 of word t / 32 is set if token t is in it.
 *
 * @module
 */
import type { TokenDecoder } from "../../tokenizer/token_decoder.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The sets of a vocabulary that do not depend on a grammar. Masks are [ceil(vocabSize / 32)] and never changed. */
export class TokenSets {
  /** No token. */
  readonly none: Int32Array;
  /** The model's end tokens. */
  readonly ends: Int32Array;
  /** All tokens but those; no ids without a token. */
  readonly notEnds: Int32Array;
  readonly #vocabSize: number;
  readonly #endTokens: ReadonlySet<number>;

  constructor(tokenizer: Pick<TokenDecoder, "tokenName">, { vocabSize, endTokens }: Vocabulary) {
    this.#vocabSize = vocabSize;
    this.#endTokens = new Set(endTokens);
    this.none = this.of([]);
    this.ends = this.of(endTokens);
    const others = Array.from({ length: vocabSize }, (_, token) => token)
      .filter((token) => !this.isEnd(token) && tokenizer.tokenName(token) !== "");
    this.notEnds = this.of(others);
  }

  /** Whether a token ends an answer. */
  isEnd(token: number): boolean {
    return this.#endTokens.has(token);
  }

  /** The set of some tokens. */
  of(tokens: readonly number[]): Int32Array {
    const words = new Int32Array(Math.ceil(this.#vocabSize / 32));
    for (const token of tokens) setBit(words, token);
    return words;
  }

  /** A set with a further token. */
  with(set: Int32Array | undefined, token: number): Int32Array {
    const words = set === undefined ? this.of([]) : set.slice();
    setBit(words, token);
    return words;
  }

  /** Unsets, in place, the bits behind the vocabulary. */
  trim(words: Int32Array): Int32Array {
    const numLast = this.#vocabSize % 32;
    if (numLast > 0) words[words.length - 1]! &= (1 << numLast) - 1;
    return words;
  }

  /** Whether a set has end tokens and no others. */
  areOnlyEnds(words: Int32Array): boolean {
    return words.every((word, i) => (word & ~this.ends[i]!) === 0);
  }
}

function setBit(words: Int32Array, token: number): void {
  words[token >>> 5]! |= 1 << (token & 31);
}
