/**
 * Text to token ids, as the Rust library `tokenizers` does it: added tokens are found, what is between them is
 * normalized and cut into words, and the model turns words into ids.
 *
 * @module
 */
import { type AddedTokenEntry, AddedTokens, isNormalized, type Match, type Piece } from "./added_tokens.ts";
import { buildModel } from "./build_model.ts";
import { type Model, vocabularyOf } from "./model.ts";
import { buildNormalizer, type Normalizer } from "./normalizers.ts";
import { type Surroundings, surroundings } from "./post_processor.ts";
import { buildPreTokenizer, type PreTokenizer } from "./pre_tokenizers.ts";
import type { Refuse, TokenizerStep } from "./step.ts";

/** The parts of tokenizer.json that encoding reads; names are the file's. */
export interface EncoderJson {
  readonly "added_tokens": readonly AddedTokenEntry[];
  readonly normalizer: TokenizerStep | null;
  readonly "pre_tokenizer": TokenizerStep | null;
  readonly "post_processor": TokenizerStep | null;
  readonly model: TokenizerStep;
}

/** A text in which special tokens are found as such, except those with one of these places inside. */
export interface GuardedText {
  readonly text: string;
  /** Places between UTF-16 units, from the first to the last. */
  readonly guards: readonly number[];
}

/** How special tokens that are written in a text are read. */
interface Reading {
  readonly isText: (entry: AddedTokenEntry) => boolean;
  readonly encodeWord: (word: string) => readonly number[];
}

/**
 * Turns texts into ids. Where special tokens are to be text, the model makes none of it, whatever its vocabulary holds.
 */
export class Encoder {
  /** Ids that are put around a text. */
  readonly surroundings: Surroundings;
  readonly #json: EncoderJson;
  readonly #refuse: Refuse;
  readonly #normalizer: Normalizer;
  readonly #preTokenizer: PreTokenizer;
  readonly #model: Model;
  /** The model without special tokens, for words that it would turn into one. */
  #plainModel: Model | undefined;
  readonly #isForbidden: (id: number) => boolean;
  readonly #parsing: Reading = { isText: () => false, encodeWord: (word) => this.#model.encode(word) };
  readonly #plain: Reading = {
    isText: ({ special = false }) => special,
    encodeWord: (word) => this.#encodePlain(word),
  };
  /** Added tokens as they are in texts, the same with those special ones that are normalized, and those normalized. */
  readonly #asWritten: AddedTokens;
  readonly #specialAsWritten: AddedTokens;
  readonly #asNormalized: AddedTokens;

  /**
   * Builds all steps.
   *
   * @throws {LoadError} naming the step that cannot be done exactly
   */
  constructor(json: EncoderJson, refuse: Refuse) {
    this.#json = json;
    this.#refuse = refuse;
    this.#normalizer = buildNormalizer(json.normalizer, refuse);
    this.#preTokenizer = buildPreTokenizer(json["pre_tokenizer"], refuse);
    this.#model = buildModel(json.model, () => false, refuse);
    const entries = json["added_tokens"];
    const asWritten = entries.filter((entry) => !isNormalized(entry));
    const normalized = entries.filter(isNormalized);
    const sought = (list: readonly AddedTokenEntry[]) =>
      list.map((entry) => ({ text: entry.content, entry }));
    this.#asWritten = new AddedTokens(sought(asWritten));
    this.#specialAsWritten = new AddedTokens(
      sought([...asWritten, ...normalized.filter(({ special }) => special)]),
    );
    this.#asNormalized = new AddedTokens(
      normalized.map((entry) => ({ text: this.#normalizer(entry.content).text, entry })),
    );
    const special = new Map(entries.filter((entry) => entry.special).map(({ id, content }) => [id, content]));
    const unknown = unknownToken(json.model);
    this.#isForbidden = (id) => special.has(id) && special.get(id) !== unknown;
    const ids = vocabularyOf(json.model);
    for (const { id, content } of entries) ids.set(content, id);
    this.surroundings = surroundings(
      json["post_processor"],
      (text) => ids.get(text),
      refuse,
    );
  }

  /** Ids of a text, without surroundings; special tokens written out in it are text or tokens. */
  encode(text: string, { parseSpecial }: { readonly parseSpecial: boolean }): number[] {
    const reading = parseSpecial ? this.#parsing : this.#plain;
    return this.#encodePieces(this.#asWritten.split(text.toWellFormed(), reading.isText), reading);
  }

  /** Ids of a text that is special in parts. */
  encodeGuarded({ text, guards }: GuardedText): number[] {
    const mayMatch = ({ start, end, entry: { special = false } }: Match) => {
      return !special || !hasBetween(guards, start, end);
    };
    const pieces = this.#specialAsWritten.split(text.toWellFormed(), this.#parsing.isText, mayMatch);
    return this.#encodePieces(pieces, this.#plain);
  }

  #encodePieces(pieces: readonly Piece[], { isText, encodeWord }: Reading): number[] {
    const ids: number[] = [];
    for (const piece of pieces) {
      if ("id" in piece) {
        ids.push(piece.id);
        continue;
      }
      const { text, keepsStart } = this.#normalizer(piece.text);
      for (const part of this.#asNormalized.split(text, isText)) {
        if ("id" in part) {
          ids.push(part.id);
          continue;
        }
        const isFirst = piece.start === 0 && part.start === 0 && keepsStart;
        for (const word of this.#preTokenizer(part.text, isFirst)) {
          for (const id of encodeWord(word)) ids.push(id);
        }
      }
    }
    return ids;
  }

  /** Ids of a word, none of them special but that of what is unknown. */
  #encodePlain(word: string): readonly number[] {
    const ids = this.#model.encode(word);
    if (!ids.some(this.#isForbidden)) return ids;
    const special = new Set(
      this.#json["added_tokens"].filter(({ id }) => this.#isForbidden(id)).map((entry) => entry.content),
    );
    this.#plainModel ??= buildModel(this.#json.model, (token) => special.has(token), this.#refuse);
    return this.#plainModel.encode(word);
  }
}

/** Whether one of some ascending numbers lies between two others. */
function hasBetween(numbers: readonly number[], low: number, high: number): boolean {
  let from = 0, to = numbers.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (numbers[middle]! <= low) from = middle + 1;
    else to = middle;
  }
  return from < numbers.length && numbers[from]! < high;
}

/** The text of the token that stands for what has none. */
function unknownToken(model: TokenizerStep): string | undefined {
  const { unk_token: text, unk_id: id, vocab } = model;
  if (typeof text === "string") return text;
  const defaults: Readonly<Record<string, string>> = { WordPiece: "[UNK]", WordLevel: "<unk>" };
  return Array.isArray(vocab) && typeof id === "number" ? vocab[id]?.[0] : defaults[model.type];
}
