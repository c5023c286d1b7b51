/**
 * Turns tokens into text as they come, never emitting part of a character.
 *
 * @module
 */
import { continuesCharacter, numCharacters, numUnfinished } from "./utf8.ts";

const NOTHING = new Uint8Array(0);

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
  /** Bytes held back. */
  #unfinished = NOTHING;
  #numCharacters = 0;
  #start = 0;

  /** Starts an empty text. */
  constructor(table: TokenTable, options: DetokenizerOptions) {
    this.#table = table;
    this.#skipSpecialTokens = options.skipSpecialTokens;
    this.#stripLeadingSpace = options.stripLeadingSpace;
  }

  /**
   * Characters (code points) before the text of the token pushed last; a token that goes on with a character starts
   * where that does.
   */
  get start(): number {
    return this.#start;
  }

  /** Whether bytes are held back: the text of the next token, or of the flush, begins with theirs. */
  get isUnfinished(): boolean {
    return this.#unfinished.length > 0;
  }

  /** The text to come stands behind these tokens: a space is dropped only where all text begins. */
  follow(tokens: Iterable<number>): void {
    if (!this.#stripLeadingSpace) return;
    for (const token of tokens) {
      if (!this.#isSkipped(token) && this.#table.tokenBytes(token).length > 0) {
        this.#stripLeadingSpace = false;
        return;
      }
    }
  }

  /** Text that became complete with this token. */
  push(token: number): string {
    this.#start = this.#numCharacters;
    if (this.#isSkipped(token)) return "";
    const bytes = this.#table.tokenBytes(token);
    if (bytes.length === 0) return "";
    this.#holdBack(bytes);
    return this.#take(this.#decoder.decode(bytes, { stream: true }));
  }

  /** What an unfinished character leaves behind; the detokenizer can then start anew. */
  flush(): string {
    this.#unfinished = NOTHING;
    return this.#take(this.#decoder.decode());
  }

  #holdBack(bytes: Uint8Array): void {
    let tail = bytes;
    if (this.#unfinished.length > 0) {
      if (continuesCharacter(this.#unfinished, bytes[0]!)) {
        tail = Uint8Array.of(...this.#unfinished, ...bytes);
      } else this.#start++;
    }
    const count = numUnfinished(tail);
    this.#unfinished = count > 0 ? tail.slice(-count) : NOTHING;
  }

  #isSkipped(token: number): boolean {
    return this.#skipSpecialTokens && this.#table.isSpecial(token);
  }

  #take(decoded: string): string {
    if (decoded === "") return "";
    const text = this.#stripLeadingSpace && decoded.startsWith(" ") ? decoded.slice(1) : decoded;
    this.#stripLeadingSpace = false;
    this.#numCharacters += numCharacters(text);
    return text;
  }
}
