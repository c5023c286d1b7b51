/**
 * A tokenizer as plain data, whatever file it came from: the `tokenizer.json` document plus the few facts that live
 * beside it.
 *
 * @module
 */

import type { AddedTokenEntry } from "./encoding/added_tokens.ts";
import { vocabularyOf } from "./encoding/model.ts";
import type { TokenizerStep } from "./encoding/step.ts";

export type { AddedTokenEntry, TokenizerStep };

/** The parts of tokenizer.json that Aerie reads; names are the file's. */
export interface TokenizerJson {
  /** Tokens found before the model splits words. */
  readonly "added_tokens": readonly AddedTokenEntry[];
  /** Changes text first. */
  readonly normalizer: TokenizerStep | null;
  /** Splits text into words. */
  readonly "pre_tokenizer": TokenizerStep | null;
  /** Puts special tokens around a text. */
  readonly "post_processor": TokenizerStep | null;
  /** Turns pieces into text. */
  readonly decoder: TokenizerStep | null;
  /** Splits words into tokens. */
  readonly model: TokenizerStep;
}

/** Ids of all tokens by their texts. */
export function idsByText({ model, added_tokens: added }: TokenizerJson): Map<string, number> {
  const ids = vocabularyOf(model);
  for (const { content, id } of added) ids.set(content, id);
  return ids;
}

/** All that is needed to build a tokenizer. */
export interface TokenizerSource {
  /** Where it came from, for errors. */
  readonly path: string;
  /** tokenizer.json, or the same made from GGUF metadata. */
  readonly json: TokenizerJson;
  /** Text of the token that begins a document. */
  readonly bosToken?: string;
  /** Text of the token that ends one. */
  readonly eosToken?: string;
  /** Text of the unknown token. */
  readonly unkToken?: string;
  /** Text of the padding token. */
  readonly padToken?: string;
  /** Tokens that end a turn or a text, by id. */
  readonly eosTokenIds: readonly number[];
  /** Overrides what the post-processor says about a leading bos token. */
  readonly addBos?: boolean;
  /** Overrides what it says about an eos token at the end. */
  readonly addEos?: boolean;
  /** Put a bos token before a rendered chat that lacks one, as llama.cpp does; Hugging Face leaves it to the template. */
  readonly chatAddsBos: boolean;
  /** Added tokens are text as they are written, as in llama.cpp; else the decoder makes text of them too. */
  readonly keepsAddedTokens?: boolean;
  /** Jinja text. */
  readonly chatTemplate?: string;
  /** The same for conversations with tools, where there is one of its own for them. */
  readonly toolTemplate?: string;
}

/**
 * A tokenizer's definition: its source as JSON text, in memory that threads share, so that processes of each of them can
 * be given it.
 */
export function toDefinition(source: TokenizerSource): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(source));
  const shared = new Uint8Array(new SharedArrayBuffer(json.length));
  shared.set(json);
  return shared;
}

/** The source of a definition that another process was given. */
export function fromDefinition(definition: Uint8Array): TokenizerSource {
  return JSON.parse(new TextDecoder().decode(definition));
}
