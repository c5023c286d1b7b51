/**
 * What all models of tokenizer.json have in common: they turn a word into token ids.
 *
 * @module
 */
import { InvalidRequestError } from "../../contracts/errors.ts";
import { BYTE_NAMES } from "./bytes.ts";
import type { TokenizerStep } from "./step.ts";

/** A model. */
export interface Model {
  /**
   * Ids of a word that is not empty.
   *
   * @throws {InvalidRequestError} if it has characters without a token, and there is none for what is unknown
   */
  encode(word: string): readonly number[];
}

/** Ids by text. */
export type Vocabulary = ReadonlyMap<string, number>;

/** The vocabulary of a model, which was checked: in files an object, Unigram's a list of pieces with their scores. */
export function vocabularyOf({ vocab }: TokenizerStep): Map<string, number> {
  return new Map(
    Array.isArray(vocab)
      ? vocab.map(([text]: readonly [string], id) => [text, id])
      : Object.entries(vocab as Readonly<Record<string, number>>),
  );
}

/** The error for a text that the vocabulary has no tokens for. */
export function unknownText(text: string): InvalidRequestError {
  return new InvalidRequestError(
    `Cannot encode text: the model has neither a token for ${
      JSON.stringify(text.slice(0, 40))
    } nor an unknown token`,
    "text",
  );
}

const UTF8 = new TextEncoder();

/** The tokens of a text's bytes; undefined unless there is one for each. */
export function byteTokens(text: string, vocabulary: Vocabulary): readonly number[] | undefined {
  const ids: number[] = [];
  for (const byte of UTF8.encode(text)) {
    const id = vocabulary.get(BYTE_NAMES[byte]!);
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}
