/**
 * The compilers of a vocabulary. Special tokens are no text, but a structural tag may name some, as `[TOOL_CALLS]`: in its
 * grammar these are text, so there is a compiler for each set of them that was named.
 *
 * @module
 */
import type { GrammarCompiler } from "@mlc-ai/web-xgrammar";
import type { GrammarSource } from "../../contracts/constraint.ts";
import type { TokenDecoder } from "../../tokenizer/token_decoder.ts";
import { createTokenizerInfo, type Vocabulary } from "./vocabulary.ts";
import { xgrammar } from "./xgrammar.ts";

/** Sets of special tokens with compilers of their own; beyond, all special tokens are text. A vocabulary is never freed. */
const MAX_SETS = 4;

/** Makes compilers as they are needed, and keeps them. */
export class Compilers {
  readonly #tokenizer: TokenDecoder;
  readonly #vocabulary: Vocabulary;
  /** Texts of the special tokens that may be named. */
  readonly #specials: ReadonlyMap<number, string>;
  /** By the special tokens that are text. */
  readonly #compilers = new Map<string, Promise<GrammarCompiler>>();

  constructor(tokenizer: TokenDecoder, vocabulary: Vocabulary) {
    this.#tokenizer = tokenizer;
    this.#vocabulary = vocabulary;
    const specials = Array.from({ length: vocabulary.vocabSize }, (_, token) => token)
      .filter((token) => tokenizer.isSpecial(token) && !vocabulary.endTokens.includes(token));
    this.#specials = new Map(specials.map((token) => [token, tokenizer.tokenName(token)]));
  }

  /** The special tokens that a grammar names. */
  namedIn(source: GrammarSource): number[] {
    if (source.type !== "structural_tag") return [];
    const text = stringsOf(JSON.parse(source.tag)).join("\n");
    return [...this.#specials].filter(([, name]) => text.includes(name)).map(([token]) => token);
  }

  /** A compiler to which these special tokens are text. */
  get(named: readonly number[]): Promise<GrammarCompiler> {
    const key = named.join();
    const isKnown = this.#compilers.has(key) || named.length === 0 || this.#compilers.size < MAX_SETS;
    const texts = isKnown ? named : [...this.#specials.keys()];
    const compiler = this.#compilers.get(texts.join()) ?? this.#create(texts);
    this.#compilers.set(texts.join(), compiler);
    return compiler;
  }

  async #create(texts: readonly number[]): Promise<GrammarCompiler> {
    const info = await createTokenizerInfo(this.#tokenizer, this.#vocabulary, new Set(texts));
    const compiler = await xgrammar.GrammarCompiler.createGrammarCompiler(info, false);
    info.dispose();
    return compiler;
  }
}

/** All strings in JSON. */
function stringsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}
