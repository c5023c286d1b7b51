/**
 * Text to tokens and back, and chats to tokens, over `@huggingface/tokenizers`. Special tokens are found here, not
 * in the library, so that the same text can be read with or without them.
 *
 * @module
 */
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { InvalidRequestError, LoadError } from "../contracts/errors.ts";
import type { ChatMessage, EncodeOptions, RenderOptions } from "../contracts/chat.ts";
import { checkTextFits } from "../contracts/text_length.ts";
import { ChatTemplate } from "./chat_template.ts";
import { exactPreTokenizer } from "./pre_tokenizer.ts";
import type { TokenizerJson, TokenizerSource } from "./source.ts";
import { SpecialTokens, type TextPiece } from "./special_tokens.ts";
import { orLoadError } from "./load_error.ts";
import { withChatTemplate } from "./template_option.ts";
import { TokenDecoder } from "./token_decoder.ts";

export { openTokenizer } from "./open_tokenizer.ts";
export type { TokenizerSource } from "./source.ts";

/**
 * Builds a tokenizer. `chatTemplate` replaces the model's template: a name, Jinja text, or the path of a file with it.
 *
 * @throws {LoadError} if the definition or the template cannot be used
 */
export function loadTokenizer(
  source: TokenizerSource,
  options: { chatTemplate?: string | undefined } = {},
): Tokenizer {
  return orLoadError(source.path, () => new Tokenizer(withChatTemplate(source, options.chatTemplate)));
}

/** A tokenizer; immutable. It runs in the calling thread for as long as a text takes it. */
export class Tokenizer extends TokenDecoder {
  /** Encodes text at the start of a document, and text after a special token. */
  readonly #first: LibraryTokenizer;
  readonly #later: LibraryTokenizer;
  readonly #specials: SpecialTokens;
  /** Special tokens put before and after a text. */
  readonly #prefix: readonly number[];
  readonly #suffix: readonly number[];
  readonly #chatAddsBos: boolean;
  readonly #template: ChatTemplate | undefined;

  /** Prefer {@linkcode loadTokenizer}. */
  constructor(source: TokenizerSource) {
    super(source);
    const { json, path } = source;
    const specials = json.added_tokens.filter(({ special }) => special);
    this.#specials = new SpecialTokens(specials);
    [this.#first, this.#later] = buildLibraryTokenizers(path, json);

    const ids = new Map(specials.map(({ id, content }) => [content, id]));
    const bos = this.bosTokenId;
    [this.#prefix, this.#suffix] = surroundings(
      this.#first,
      (text) => ids.get(text) ?? this.#first.token_to_id(text),
    );
    if (bos !== undefined && source.addBos !== undefined && source.addBos !== this.#prefix.includes(bos)) {
      this.#prefix = source.addBos ? [bos, ...this.#prefix] : this.#prefix.filter((id) => id !== bos);
    }
    this.#chatAddsBos = source.chatAddsBos;
    if (source.chatTemplate !== undefined) {
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
  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const { addSpecialTokens = true, parseSpecial = false } = options;
    const ids = this.#encodePieces(parseSpecial ? this.#specials.split(text) : [text]);
    return Int32Array.from(addSpecialTokens ? [...this.#prefix, ...ids, ...this.#suffix] : ids);
  }

  /**
   * Tokens of a chat by the model's template, up to the start of the assistant's turn, or as `options` say. Special
   * tokens in messages and variables stay text.
   *
   * @throws {InvalidRequestError} if there is no template, it rejects the messages, or its text is too long by length
   * alone for `contextLength`
   */
  renderChat(
    messages: readonly ChatMessage[],
    options: RenderOptions & { readonly contextLength?: number } = {},
  ): Int32Array {
    if (this.#template === undefined) {
      throw new InvalidRequestError("Cannot render chat: the model has no chat template", "messages");
    }
    const { text, guard } = this.#template.render(messages, this.#specials, options);
    const pieces = this.#specials.split(text).map((piece) =>
      typeof piece === "string" ? piece.replaceAll(guard, "") : piece
    );
    const texts = pieces.map((piece) => typeof piece === "string" ? piece : piece.content);
    checkTextFits("messages", texts, this.textBound, options.contextLength ?? Infinity);
    const ids = this.#encodePieces(pieces);
    const bos = this.bosTokenId;
    if (this.#chatAddsBos && bos !== undefined && ids[0] !== bos) ids.unshift(bos);
    return Int32Array.from(ids);
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
