/**
 * A tokenizer as plain data, whatever file it came from: the `tokenizer.json` document plus the few facts that live
 * beside it.
 *
 * @module
 */

/** A normalizer, pre-tokenizer, post-processor or decoder of tokenizer.json. */
export interface TokenizerStep {
  readonly type: string;
  readonly [option: string]: unknown;
}

/** An entry of tokenizer.json's `added_tokens`. */
export interface AddedTokenEntry {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
}

/** The parts of tokenizer.json that Aerie reads; names are the file's. */
export interface TokenizerJson {
  readonly "added_tokens": readonly AddedTokenEntry[];
  readonly normalizer: TokenizerStep | null;
  readonly "pre_tokenizer": TokenizerStep | null;
  readonly "post_processor": TokenizerStep | null;
  readonly decoder: TokenizerStep | null;
  readonly model: TokenizerStep;
}

/** All that is needed to build a tokenizer. */
export interface TokenizerSource {
  /** Where it came from, for errors. */
  readonly path: string;
  readonly json: TokenizerJson;
  readonly bosToken?: string;
  readonly eosToken?: string;
  readonly unkToken?: string;
  readonly padToken?: string;
  /** Tokens that end a turn or a text, by id. */
  readonly eosTokenIds: readonly number[];
  /** Overrides what the post-processor says about a leading bos token. */
  readonly addBos?: boolean;
  /** Put a bos token before a rendered chat that lacks one, as llama.cpp does; Hugging Face leaves it to the template. */
  readonly chatAddsBos: boolean;
  /** Jinja text. */
  readonly chatTemplate?: string;
}
