/**
 * Turns tokens into text as they come, never emitting part of a character.
 *
 * @module
 */

/** What a detokenizer asks of its tokenizer. */
export interface TokenTable {
  tokenBytes(token: number): Uint8Array;
  isSpecial(token: number): boolean;
}

/** Settings of a {@linkcode Detokenizer}. */
export interface DetokenizerOptions {
  /** Special tokens yield no text. */
  readonly skipSpecialTokens: boolean;
  /** Drop the text's first character if it is a space. */
  readonly stripLeadingSpace: boolean;
}

/**
 * Text of a stream of tokens. Bytes of an unfinished character are held back; bytes that cannot become one are
 * U+FFFD. All pushes and the flush together are the text of all tokens.
 */
export class Detokenizer {
  readonly #table: TokenTable;
  readonly #skipSpecialTokens: boolean;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #stripLeadingSpace: boolean;

  /** Starts an empty text. */
  constructor(table: TokenTable, options: DetokenizerOptions) {
    this.#table = table;
    this.#skipSpecialTokens = options.skipSpecialTokens;
    this.#stripLeadingSpace = options.stripLeadingSpace;
  }

  /** Text that became complete with this token. */
  push(token: number): string {
    if (this.#skipSpecialTokens && this.#table.isSpecial(token)) return "";
    return this.#strip(this.#decoder.decode(this.#table.tokenBytes(token), { stream: true }));
  }

  /** What an unfinished character leaves behind; the detokenizer can then start anew. */
  flush(): string {
    return this.#strip(this.#decoder.decode());
  }

  #strip(text: string): string {
    if (!this.#stripLeadingSpace || text === "") return text;
    this.#stripLeadingSpace = false;
    return text.startsWith(" ") ? text.slice(1) : text;
  }
}
