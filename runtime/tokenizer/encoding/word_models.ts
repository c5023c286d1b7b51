/**
 * Models that look words up: WordPiece, which takes the longest beginning that it knows again and again, and WordLevel,
 * which knows whole words.
 *
 * @module
 */
import { type Model, unknownText, type Vocabulary } from "./model.ts";
import type { StepReader } from "./step.ts";

/** A WordPiece model. */
export class WordPiece implements Model {
  readonly #vocabulary: Vocabulary;
  readonly #unknownId: number | undefined;
  readonly #prefix: string;
  readonly #maxCharacters: number;

  /** Reads the settings. */
  constructor(step: StepReader, vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    this.#unknownId = vocabulary.get(step.string("unk_token", "[UNK]"));
    this.#prefix = step.string("continuing_subword_prefix", "##");
    this.#maxCharacters = step.count("max_input_chars_per_word", 100);
  }

  encode(word: string): readonly number[] {
    const characters = [...word];
    const ids = characters.length > this.#maxCharacters ? undefined : this.#pieces(characters);
    if (ids !== undefined) return ids;
    if (this.#unknownId === undefined) throw unknownText(word);
    return [this.#unknownId];
  }

  #pieces(characters: readonly string[]): readonly number[] | undefined {
    const ids: number[] = [];
    for (let start = 0; start < characters.length;) {
      let id: number | undefined, end = characters.length;
      for (; end > start; end--) {
        id = this.#vocabulary.get((start > 0 ? this.#prefix : "") + characters.slice(start, end).join(""));
        if (id !== undefined) break;
      }
      if (id === undefined) return undefined;
      ids.push(id);
      start = end;
    }
    return ids;
  }
}

/** A WordLevel model. */
export class WordLevel implements Model {
  readonly #vocabulary: Vocabulary;
  readonly #unknownId: number | undefined;

  /** Reads the settings. */
  constructor(step: StepReader, vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    this.#unknownId = vocabulary.get(step.string("unk_token", "<unk>"));
  }

  encode(word: string): readonly number[] {
    const id = this.#vocabulary.get(word) ?? this.#unknownId;
    if (id === undefined) throw unknownText(word);
    return [id];
  }
}
