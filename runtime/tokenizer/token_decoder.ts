/**
 * Tokens to text: plain look-ups, whose time is bounded whatever the model's files say, once added tokens were normalized
 * at the start. The other direction runs the model's regular expressions and templates on texts, see `tokenizer.ts`.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import type { TokenizerFacts } from "../contracts/model_info.ts";
import type { TextBound } from "../contracts/text_length.ts";
import { Detokenizer, type DetokenizerOptions } from "./detokenizer.ts";
import { addedTexts } from "./encoding/added_texts.ts";
import { fillInTheMiddleOf } from "./fill_in_the_middle.ts";
import type { TokenizerSource } from "./source.ts";
import { textBound } from "./text_bound.ts";
import { type TokenDecoding, tokenDecoding, type TokenPlace } from "./token_bytes.ts";

/** The half of a tokenizer that turns tokens into text; immutable and cheap to call. */
export class TokenDecoder {
  /** One more than the highest token id. */
  readonly vocabSize: number;
  /** Token that begins a document. */
  readonly bosTokenId?: number;
  /** Token that ends one. */
  readonly eosTokenId?: number;
  /** Tokens that end a turn or a text. */
  readonly eosTokenIds: readonly number[];
  /** Jinja text of the chat template. */
  readonly chatTemplate?: string;
  /** What is put around texts. */
  readonly facts: TokenizerFacts;
  /** What a text's length says about the number of its tokens. */
  readonly textBound: TextBound;

  /** Text of each token as the vocabulary writes it. */
  readonly #texts: readonly (string | undefined)[];
  readonly #specialIds: ReadonlySet<number>;
  /** Added tokens by id. */
  readonly #added: ReadonlyMap<number, string>;
  /** Added tokens by id as they are decoded. */
  readonly #addedTexts: ReadonlyMap<number, string>;
  readonly #decoding: TokenDecoding;
  readonly #keepsAddedTokens: boolean;
  readonly #bytes: (Uint8Array | undefined)[] = [];

  /**
   * Reads the vocabulary.
   *
   * @throws {LoadError} if the decoder or the vocabulary is of an unsupported kind
   */
  constructor(source: TokenizerSource) {
    const { json, path } = source;
    const specials = json.added_tokens.filter(({ special }) => special);
    this.#specialIds = new Set(specials.map(({ id }) => id));
    this.#added = new Map(json.added_tokens.map(({ id, content }) => [id, content]));
    this.#addedTexts = addedTexts(
      json.added_tokens,
      json.normalizer,
      (reason) => new LoadError(`Cannot load ${path}: ${reason}`),
    );
    this.#decoding = tokenDecoding(path, json.decoder);
    this.#keepsAddedTokens = source.keepsAddedTokens ?? false;
    this.#texts = vocabularyTexts(path, json.model["vocab"]);
    this.vocabSize = [...this.#added.keys()].reduce((size, id) => Math.max(size, id + 1), this.#texts.length);
    this.eosTokenIds = source.eosTokenIds;
    if (source.chatTemplate !== undefined) this.chatTemplate = source.chatTemplate;
    const bos = this.#idOf(source.bosToken), eos = this.#idOf(source.eosToken);
    if (bos !== undefined) this.bosTokenId = bos;
    if (eos !== undefined) this.eosTokenId = eos;
    const fillInTheMiddle = fillInTheMiddleOf((text) => this.#idOf(text));
    const { bosToken, eosToken, unkToken, padToken, addBos = false } = source;
    this.facts = {
      ...(bosToken !== undefined && { bosToken }),
      ...(eosToken !== undefined && { eosToken }),
      ...(unkToken !== undefined && { unkToken }),
      ...(padToken !== undefined && { padToken }),
      addsBos: addBos,
      ...(fillInTheMiddle !== undefined && { fillInTheMiddle }),
      ...(source.chatTemplate !== undefined && { chatTemplate: source.chatTemplate }),
      ...(source.toolTemplate !== undefined && { toolTemplate: source.toolTemplate }),
    };
    this.textBound = textBound(json, this.#texts, this.#decoding);
  }

  /** Text of tokens; `skipSpecialTokens` (false) leaves special tokens out. */
  decode(tokens: readonly number[], options: { skipSpecialTokens?: boolean } = {}): string {
    const detokenizer = this.detokenizer(options);
    return tokens.map((token) => detokenizer.push(token)).join("") + detokenizer.flush();
  }

  /** A detokenizer for one stream of tokens; `skipSpecialTokens` (false) leaves special tokens out but for `shownTokens`. */
  detokenizer(
    options: Partial<Pick<DetokenizerOptions, "skipSpecialTokens" | "shownTokens">> = {},
  ): Detokenizer {
    const { strip, dependsOnEnd } = this.#decoding;
    const { skipSpecialTokens = false, shownTokens = [] } = options;
    return new Detokenizer(this, {
      skipSpecialTokens,
      shownTokens,
      strip,
      dependsOnEnd,
    });
  }

  /** A token as the vocabulary writes it; empty for an id without a token. */
  tokenName(token: number): string {
    return this.#textOf(token) ?? "";
  }

  /** Bytes that a token adds to a text where others stand before and behind it; none for an id without a token. */
  tokenBytes(token: number): Uint8Array {
    const known = this.#bytes[token];
    if (known !== undefined) return known;
    const bytes = this.#decode(token) ?? new Uint8Array(0);
    if (token >= 0 && token < this.vocabSize) this.#bytes[token] = bytes;
    return bytes;
  }

  /** Bytes that a token adds to a text at this place; undefined for an id without a token. */
  bytesAt(token: number, place: TokenPlace): Uint8Array | undefined {
    if (place.isFirst || place.isLast) return this.#decode(token, place);
    const bytes = this.tokenBytes(token);
    return bytes.length > 0 || this.#textOf(token) !== undefined ? bytes : undefined;
  }

  /** True for control tokens such as bos, eos and turn markers. */
  isSpecial(token: number): boolean {
    return this.#specialIds.has(token);
  }

  #idOf(text: string | undefined): number | undefined {
    if (text === undefined) return undefined;
    for (const [id, content] of this.#added) if (content === text) return id;
    const id = this.#texts.indexOf(text);
    return id >= 0 ? id : undefined;
  }

  #textOf(token: number): string | undefined {
    return this.#added.get(token) ?? this.#texts[token];
  }

  #decode(token: number, place?: TokenPlace): Uint8Array | undefined {
    const kept = this.#keepsAddedTokens ? this.#added.get(token) : undefined;
    if (kept !== undefined) return new TextEncoder().encode(kept);
    const text = this.#addedTexts.get(token) ?? this.#texts[token];
    return text === undefined ? undefined : this.#decoding.toBytes(text, place);
  }
}

/** Texts by id: of `{text: id}`, or of a list of `[text, score]` as Unigram models have it. */
function vocabularyTexts(path: string, vocab: unknown): (string | undefined)[] {
  if (typeof vocab !== "object" || vocab === null) {
    throw new LoadError(`Cannot load ${path}: model.vocab is missing, expected tokens and their ids`);
  }
  if (Array.isArray(vocab)) {
    return vocab.map((entry) => Array.isArray(entry) ? entry[0] : entry).map((text) =>
      typeof text === "string" ? text : undefined
    );
  }
  const entries = Object.entries(vocab);
  const texts = new Array<string | undefined>(entries.length);
  for (const [text, id] of entries) if (Number.isInteger(id) && id >= 0) texts[id] = text;
  return texts;
}
