/**
 * Matchers in this process over the tiny vocabulary, whose tokens are all bytes and some pairs of letters. Importing this
 * takes the console away: it belongs to web-xgrammar.
 *
 * @module
 */
import type { GrammarSource, ThinkingConstraint } from "../../runtime/contracts/constraint.ts";
import { compileGrammar } from "../../runtime/grammars/host/compile.ts";
import { forcesShortTexts } from "../../runtime/grammars/host/forced_length.ts";
import { ForcedTokens } from "../../runtime/grammars/host/forced_tokens.ts";
import { type Allowed, SequenceMatcher } from "../../runtime/grammars/host/sequence_matcher.ts";
import { TokenSets } from "../../runtime/grammars/host/token_sets.ts";
import { Compilers } from "../../runtime/grammars/host/compilers.ts";
import type { Vocabulary } from "../../runtime/grammars/host/vocabulary.ts";
import { createMatcher } from "../../runtime/grammars/host/xgrammar.ts";
import type { Tokenizer, TokenizerSource } from "../../runtime/tokenizer/tokenizer.ts";
import { loadTokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import { TINY_SOURCE, TINY_VOCABULARY } from "./tiny_grammars.ts";

/** EBNF that matches one of some texts. */
export function anyOf(texts: readonly string[]): GrammarSource {
  const literals = texts.map((text) => JSON.stringify(text));
  return { type: "ebnf", grammar: `root ::= ${literals.join(" | ")}` };
}

/** Makes matchers of a vocabulary. */
export class Matchers {
  readonly tokenizer: Tokenizer;
  readonly sets: TokenSets;
  readonly forced: ForcedTokens;
  readonly #vocabulary: Vocabulary;
  readonly #compilers: Compilers;

  /** Those of the tiny vocabulary, or another. */
  constructor(source: TokenizerSource = TINY_SOURCE, vocabulary: Vocabulary = TINY_VOCABULARY) {
    this.tokenizer = loadTokenizer(source);
    this.sets = new TokenSets(this.tokenizer, vocabulary);
    this.forced = new ForcedTokens(this.tokenizer, this.sets, vocabulary.endTokens);
    this.#vocabulary = vocabulary;
    this.#compilers = new Compilers(this.tokenizer, vocabulary);
  }

  /** A function that makes matchers of a constraint. */
  async of(
    { grammar, thinking }: {
      readonly grammar?: GrammarSource | undefined;
      readonly thinking?: ThinkingConstraint | undefined;
    },
  ): Promise<() => Promise<SequenceMatcher>> {
    const named = grammar === undefined ? [] : this.#compilers.namedIn(grammar);
    const compiled = grammar && await compileGrammar(await this.#compilers.get(named), grammar);
    return async () =>
      new SequenceMatcher(this.sets, {
        grammar: compiled && await createMatcher(compiled, this.#vocabulary.vocabSize),
        thinking,
        namesSpecials: named.length > 0,
        forcesShort: grammar === undefined || forcesShortTexts(grammar),
      });
  }

  /** Tokens of a text. */
  encode(text: string): number[] {
    return [...this.tokenizer.encode(text, { addSpecialTokens: false })];
  }

  /** The tokens that may come next, in order; undefined if any may. */
  tokensOf(allowed: Allowed): number[] | undefined {
    if (allowed === "any") return undefined;
    if (allowed === "none") return [];
    return Array.from({ length: 32 * allowed.length }, (_, token) => token)
      .filter((token) => (allowed[token >>> 5]! >>> (token & 31) & 1) === 1);
  }
}
