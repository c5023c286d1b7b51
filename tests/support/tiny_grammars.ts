/**
 * The tiny vocabulary as the parts that follow grammars need it.
 *
 * @module
 */
import type { Vocabulary } from "../../runtime/grammars/host/vocabulary.ts";
import type { TokenizerSource } from "../../runtime/tokenizer/tokenizer.ts";
import { TINY_TOKENIZER } from "./tiny_tokenizer.ts";

/** The tiny tokenizer's source. */
export const TINY_SOURCE: TokenizerSource = {
  path: "tiny",
  json: TINY_TOKENIZER.json,
  eosTokenIds: [2],
  chatAddsBos: false,
};

/** Its vocabulary in a model with ten logits more, and two end tokens. */
export const TINY_VOCABULARY: Vocabulary = {
  vocabSize: TINY_TOKENIZER.tokens.length + 10,
  endTokens: [2, 0],
};
