/**
 * Text to tokens and back, and chats to tokens, over `@huggingface/tokenizers`. Special tokens are found here, not
 * in the library, so that the same text can be read with or without them.
 *
 * @module
 */
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { readFileSync } from "node:fs";
import { InvalidRequestError, LoadError } from "../errors.ts";
import type { ChatMessage } from "../generation.ts";
import { ChatTemplate } from "./chat_template.ts";
import { Detokenizer } from "./detokenizer.ts";
import { exactPreTokenizer } from "./pre_tokenizer.ts";
import type { TokenizerJson, TokenizerSource } from "./source.ts";
import { SpecialTokens, type TextPiece } from "./special_tokens.ts";
import { type TokenDecoding, tokenDecoding } from "./token_bytes.ts";

export { openTokenizer } from "./open_tokenizer.ts";
export type { TokenizerSource } from "./source.ts";

/**
 * Builds a tokenizer. `chatTemplate` replaces the model's template: Jinja text, or the path of a file with it.
 *
 * @throws {LoadError} if the definition or the template cannot be used
 */
export function loadTokenizer(
  source: TokenizerSource,
  options: { chatTemplate?: string | undefined } = {},
): Tokenizer {
  const template = options.chatTemplate === undefined
    ? source.chatTemplate
    : templateText(options.chatTemplate);
  return new Tokenizer({ ...source, ...(template !== undefined && { chatTemplate: template }) });
}

/** A tokenizer; immutable and cheap to call. */
export class Tokenizer {
  /** One more than the highest token id. */
  readonly vocabSize: number;
  /** Token that begins a document. */
  readonly bosTokenId?: number;
  /** Tokens that end a turn or a text. */
  readonly eosTokenIds: readonly number[];
  /** Jinja text of the chat template. */
  readonly chatTemplate?: string;

  /** Encodes text at the start of a document, and text after a special token. */
  readonly #first: LibraryTokenizer;
  readonly #later: LibraryTokenizer;
  readonly #specials: SpecialTokens;
  readonly #specialIds: ReadonlySet<number>;
  /** Added tokens by id; their text is their bytes. */
  readonly #added: ReadonlyMap<number, string>;
  readonly #decoding: TokenDecoding;
  readonly #bytes: (Uint8Array | undefined)[] = [];
  /** Special tokens put before and after a text. */
  readonly #prefix: readonly number[];
  readonly #suffix: readonly number[];
  readonly #chatAddsBos: boolean;
  readonly #template: ChatTemplate | undefined;

  /** Prefer {@linkcode loadTokenizer}. */
  constructor(source: TokenizerSource) {
    const { json, path } = source;
    const specials = json.added_tokens.filter(({ special }) => special);
    this.#specials = new SpecialTokens(specials);
    this.#specialIds = new Set(specials.map(({ id }) => id));
    this.#added = new Map(json.added_tokens.map(({ id, content }) => [id, content]));
    this.#decoding = tokenDecoding(path, json.decoder);
    [this.#first, this.#later] = buildLibraryTokenizers(path, json);

    const ids = new Map(specials.map(({ id, content }) => [content, id]));
    const idOf = (text: string) => ids.get(text) ?? this.#first.token_to_id(text);
    const bos = source.bosToken === undefined ? undefined : idOf(source.bosToken);
    if (bos !== undefined) this.bosTokenId = bos;
    this.eosTokenIds = source.eosTokenIds;
    this.vocabSize = Math.max(this.#first.model!.vocab.length, ...specials.map(({ id }) => id + 1));
    [this.#prefix, this.#suffix] = surroundings(this.#first, idOf);
    if (bos !== undefined && source.addBos !== undefined && source.addBos !== this.#prefix.includes(bos)) {
      this.#prefix = source.addBos ? [bos, ...this.#prefix] : this.#prefix.filter((id) => id !== bos);
    }
    this.#chatAddsBos = source.chatAddsBos;
    if (source.chatTemplate !== undefined) {
      this.chatTemplate = source.chatTemplate;
      this.#template = new ChatTemplate(source.chatTemplate, {
        "bos_token": source.bosToken ?? "",
        "eos_token": source.eosToken ?? "",
        "unk_token": source.unkToken ?? "",
        "pad_token": source.padToken ?? "",
      });
    }
  }

  /**
   * Tokens of a text. `addSpecialTokens` (true) adds what the model expects around a text, such as bos;
   * `parseSpecial` (false) reads special tokens written out in the text as such.
   */
  encode(text: string, options: { addSpecialTokens?: boolean; parseSpecial?: boolean } = {}): Int32Array {
    const { addSpecialTokens = true, parseSpecial = false } = options;
    const ids = this.#encodePieces(parseSpecial ? this.#specials.split(text) : [text]);
    return Int32Array.from(addSpecialTokens ? [...this.#prefix, ...ids, ...this.#suffix] : ids);
  }

  /** Text of tokens; `skipSpecialTokens` (false) leaves special tokens out. */
  decode(tokens: readonly number[], options: { skipSpecialTokens?: boolean } = {}): string {
    const detokenizer = this.detokenizer(options);
    return tokens.map((token) => detokenizer.push(token)).join("") + detokenizer.flush();
  }

  /** A detokenizer for one stream of tokens; `skipSpecialTokens` (false) leaves special tokens out. */
  detokenizer(options: { skipSpecialTokens?: boolean } = {}): Detokenizer {
    return new Detokenizer(this, {
      skipSpecialTokens: options.skipSpecialTokens ?? false,
      stripLeadingSpace: this.#decoding.stripsLeadingSpace,
    });
  }

  /**
   * Tokens of a chat by the model's template, up to the start of the assistant's turn, or with
   * `continueFinalMessage` up to the end of the last message. Special tokens in messages stay text.
   *
   * @throws {InvalidRequestError} if there is no template or it rejects the messages
   */
  renderChat(messages: readonly ChatMessage[], options: { continueFinalMessage?: boolean } = {}): Int32Array {
    if (this.#template === undefined) {
      throw new InvalidRequestError("Cannot render chat: the model has no chat template", "messages");
    }
    const { text, guard } = this.#template.render(
      messages,
      this.#specials,
      options.continueFinalMessage ?? false,
    );
    const pieces = this.#specials.split(text).map((piece) =>
      typeof piece === "string" ? piece.replaceAll(guard, "") : piece
    );
    const ids = this.#encodePieces(pieces);
    const bos = this.bosTokenId;
    if (this.#chatAddsBos && bos !== undefined && ids[0] !== bos) ids.unshift(bos);
    return Int32Array.from(ids);
  }

  /** Text of one token, U+FFFD for bytes that are only part of a character. */
  tokenText(token: number): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.tokenBytes(token));
  }

  /** Bytes of one token; none for an id without a token. */
  tokenBytes(token: number): Uint8Array {
    const known = this.#bytes[token];
    if (known !== undefined) return known;
    const added = this.#added.get(token);
    const text = this.#first.id_to_token(token);
    const bytes = added !== undefined
      ? new TextEncoder().encode(added)
      : text === undefined
      ? new Uint8Array(0)
      : this.#decoding.toBytes(text);
    if (token >= 0 && token < this.vocabSize) this.#bytes[token] = bytes;
    return bytes;
  }

  /** True for control tokens such as bos, eos and turn markers. */
  isSpecial(token: number): boolean {
    return this.#specialIds.has(token);
  }

  #encodePieces(pieces: readonly TextPiece[]): number[] {
    return pieces.flatMap((piece, index) => {
      if (typeof piece !== "string") return [piece.id];
      const library = index === 0 ? this.#first : this.#later;
      return piece === "" ? [] : library.encode(piece, { add_special_tokens: false }).ids;
    });
  }
}

/** The library's tokenizer for the start of a document and for later text; both share one model. */
function buildLibraryTokenizers(path: string, json: TokenizerJson): [LibraryTokenizer, LibraryTokenizer] {
  const build = (first: boolean, model: unknown, postProcessor: unknown) =>
    new LibraryTokenizer({
      ...json,
      "added_tokens": json.added_tokens.filter(({ special }) => !special),
      "pre_tokenizer": json.pre_tokenizer && exactPreTokenizer(json.pre_tokenizer, first),
      "post_processor": postProcessor,
      decoder: null,
      model,
    }, {});
  try {
    const first = build(true, json.model, json.post_processor);
    const later = build(false, { type: "BPE", vocab: {}, merges: [] }, null);
    later.model = first.model;
    for (const { content, special } of json.added_tokens) {
      if (special) first.model!.tokens_to_ids.delete(content);
    }
    return [first, later];
  } catch (error) {
    throw new LoadError(`Cannot load ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Special tokens that the post-processor puts before and after a text. */
function surroundings(
  library: LibraryTokenizer,
  idOf: (text: string) => number | undefined,
): [prefix: number[], suffix: number[]] {
  const text = "text";
  const tokens = library.post_processor?.post_process([text], null, true).tokens ?? [text];
  const at = tokens.indexOf(text);
  const ids = (texts: readonly string[]) => texts.map(idOf).filter((id) => id !== undefined);
  return [ids(tokens.slice(0, at)), ids(tokens.slice(at + 1))];
}

/** Jinja text is told from a path by its braces. */
function templateText(pathOrText: string): string {
  if (pathOrText.includes("{")) return pathOrText;
  try {
    return readFileSync(pathOrText, "utf8");
  } catch (error) {
    throw new LoadError(
      `Cannot read chat template ${pathOrText}: ${error instanceof Error ? error.message : error}`,
    );
  }
}
