/**
 * Text to tokens and back, and chats to tokens. Special tokens in a text are read as such or as text.
 *
 * @module
 */
import { InvalidRequestError, LoadError } from "../contracts/errors.ts";
import type { ChatMessage, EncodeOptions, RenderOptions } from "../contracts/chat.ts";
import { checkTextFits } from "../contracts/text_length.ts";
import { ChatTemplate } from "./chat_template.ts";
import { Encoder } from "./encoding/encoder.ts";
import type { TokenizerSource } from "./source.ts";
import { SpecialTokens, withoutGuards } from "./special_tokens.ts";
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
  readonly #encoder: Encoder;
  readonly #specials: SpecialTokens;
  /** Special tokens put before and after a text. */
  readonly #prefix: readonly number[];
  readonly #suffix: readonly number[];
  readonly #chatAddsBos: boolean;
  readonly #template: ChatTemplate | undefined;
  /** Of conversations with tools. */
  readonly #toolTemplate: ChatTemplate | undefined;

  /** Prefer {@linkcode loadTokenizer}. */
  constructor(source: TokenizerSource) {
    super(source);
    const { json, path } = source;
    const specials = json.added_tokens.filter(({ special }) => special);
    this.#specials = new SpecialTokens(specials);
    this.#encoder = new Encoder(json, (reason) => new LoadError(`Cannot load ${path}: ${reason}`));
    const { prefix, suffix } = this.#encoder.surroundings;
    this.#prefix = withToken(prefix, this.bosTokenId, source.addBos, (bos) => [bos, ...prefix]);
    this.#suffix = withToken(suffix, this.eosTokenId, source.addEos, (eos) => [...suffix, eos]);
    this.#chatAddsBos = source.chatAddsBos;
    const compile = (template: string | undefined) =>
      template === undefined ? undefined : new ChatTemplate(template, {
        "bos_token": source.bosToken ?? "",
        "eos_token": source.eosToken ?? "",
        "unk_token": source.unkToken ?? "",
        "pad_token": source.padToken ?? "",
      });
    this.#template = compile(source.chatTemplate);
    this.#toolTemplate = compile(source.toolTemplate) ?? this.#template;
  }

  /**
   * Tokens of a text. `addSpecialTokens` (true) adds what the model expects around a text, such as bos;
   * `parseSpecial` (false) reads special tokens written out in the text as such.
   */
  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const { addSpecialTokens = true, parseSpecial = false } = options;
    const ids = this.#encoder.encode(text, { parseSpecial });
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
    const hasTools = options.tools !== undefined ||
      messages.some(({ role, toolCalls }) => role === "tool" || toolCalls !== undefined);
    const template = hasTools ? this.#toolTemplate : this.#template;
    if (template === undefined) {
      throw new InvalidRequestError("Cannot render chat: the model has no chat template", "messages");
    }
    const { text, guard } = template.render(messages, this.#specials, options);
    const guarded = withoutGuards(text, guard);
    checkTextFits("messages", [guarded.text], this.textBound, options.contextLength ?? Infinity);
    const ids = this.#encoder.encodeGuarded(guarded);
    const bos = this.bosTokenId;
    if (this.#chatAddsBos && bos !== undefined && ids[0] !== bos) ids.unshift(bos);
    return Int32Array.from(ids);
  }
}

/** Tokens around a text with one more, or without it, if `isThere` says so. */
function withToken(
  tokens: readonly number[],
  token: number | undefined,
  isThere: boolean | undefined,
  add: (token: number) => number[],
): readonly number[] {
  if (token === undefined || isThere === undefined || isThere === tokens.includes(token)) return tokens;
  return isThere ? add(token) : tokens.filter((other) => other !== token);
}
