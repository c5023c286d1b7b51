/**
 * A tokenizer whose regular expressions and templates run in processes of their own, where neither an endless loop nor
 * a huge text holds up the calling thread.
 *
 * @module
 */
import type { ChatMessage, EncodeOptions, RenderOptions } from "../../contracts/chat.ts";
import { HostPool, type HostPoolOptions } from "./pool.ts";
import { orLoadError } from "../load_error.ts";
import { toDefinition, type TokenizerSource } from "../source.ts";
import { withChatTemplate } from "../template_option.ts";
import { TokenDecoder } from "../token_decoder.ts";

/**
 * Starts the hosts of a tokenizer. `chatTemplate` replaces the model's template: a name, Jinja text, or the path of a
 * file with it.
 *
 * @throws {LoadError} if the definition cannot be used; what only building it shows is thrown by `started`
 */
export function hostTokenizer(
  source: TokenizerSource,
  options: HostPoolOptions & { readonly chatTemplate?: string | undefined },
): HostedTokenizer {
  const definition = withChatTemplate(source, options.chatTemplate);
  return orLoadError(source.path, () => new HostedTokenizer(definition, options));
}

/** Decodes in the calling thread, encodes elsewhere. To be stopped, by the engine that has it or by itself. */
export class HostedTokenizer extends TokenDecoder implements AsyncDisposable {
  /** What it was made from, see `source.ts`: other hosts build the same tokenizer. */
  readonly definition: Uint8Array;
  readonly #pool: HostPool;

  /** Prefer {@linkcode hostTokenizer}. */
  constructor(source: TokenizerSource, options: HostPoolOptions) {
    super(source);
    this.definition = toDefinition(source);
    this.#pool = new HostPool(this.definition, source.path, options);
  }

  /** Resolves when texts can be encoded; rejects with a `LoadError` if the tokenizer cannot be used. */
  get started(): Promise<void> {
    return this.#pool.started;
  }

  /**
   * Tokens of a text, see `Tokenizer.encode`.
   *
   * @throws {InvalidRequestError} if it takes too much time or memory
   * @throws {OverloadedError} if too much text waits already
   */
  async encode(text: string, options?: EncodeOptions, signal?: AbortSignal): Promise<Int32Array> {
    return await this.#pool.run({ type: "encode", text, options }, signal);
  }

  /**
   * Tokens of a chat, see `Tokenizer.renderChat`.
   *
   * @throws {InvalidRequestError} if it is refused, or takes too much time or memory
   * @throws {OverloadedError} if too much text waits already
   */
  async renderChat(
    messages: readonly ChatMessage[],
    options: RenderOptions & { readonly contextLength?: number } = {},
    signal?: AbortSignal,
  ): Promise<Int32Array> {
    return await this.#pool.run({ type: "renderChat", messages, options }, signal);
  }

  /** Ends the hosts. */
  stop(): Promise<void> {
    return this.#pool.stop();
  }

  /** The same as {@linkcode HostedTokenizer.stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
