/**
 * Models of tokenizer.json by their type.
 *
 * @module
 */
import { Bpe } from "./bpe.ts";
import { type Model, vocabularyOf } from "./model.ts";
import { isSentencePiece, SentencePiece } from "./sentencepiece.ts";
import { type Refuse, StepReader, type TokenizerStep } from "./step.ts";
import { Unigram } from "./unigram.ts";
import { WordLevel, WordPiece } from "./word_models.ts";

/**
 * The model, whose vocabulary and merges were checked, without the tokens that `isLeftOut` says: no text is cut into
 * those.
 *
 * @throws {LoadError} if the type is unknown or a setting cannot be used
 */
export function buildModel(
  step: TokenizerStep,
  isLeftOut: (token: string) => boolean,
  refuse: Refuse,
): Model {
  if (isSentencePiece(step)) return new SentencePiece(step, isLeftOut);
  const reader = new StepReader(step, "model", refuse);
  if (step.type === "Unigram") return new Unigram(reader, isLeftOut);
  const vocabulary = vocabularyOf(step);
  for (const token of vocabulary.keys()) if (isLeftOut(token)) vocabulary.delete(token);
  switch (step.type) {
    case "BPE":
      return new Bpe(reader, vocabulary, isLeftOut, refuse);
    case "WordPiece":
      return new WordPiece(reader, vocabulary);
    case "WordLevel":
      return new WordLevel(reader, vocabulary);
    default:
      throw reader.unknown();
  }
}
