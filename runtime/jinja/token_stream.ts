/**
 * The tokens of a template, read one after the other.
 *
 * @module
 */
import { JinjaError, type JinjaErrorKind } from "./errors.ts";
import type { Token, TokenKind } from "./lexer.ts";

/** A position in a list of tokens, of which the last is `eof`. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** The next token. */
  get current(): Token {
    return this.#tokens[this.#at]!;
  }

  /** Whether the next token, or one further on, is of this kind and text. */
  is(kind: TokenKind, text?: string, ahead = 0): boolean {
    const token = this.#tokens[this.#at + ahead];
    return token !== undefined && token.kind === kind && (text === undefined || token.text === text);
  }

  /** Whether the next token is one of these operators. */
  isOperator(...texts: readonly string[]): boolean {
    return this.current.kind === "operator" && texts.includes(this.current.text);
  }

  /** Takes the next token. */
  next(): Token {
    const token = this.current;
    if (token.kind !== "eof") this.#at++;
    return token;
  }

  /** Takes the next token if it is this one. */
  skipIf(kind: TokenKind, text?: string): boolean {
    if (!this.is(kind, text)) return false;
    this.#at++;
    return true;
  }

  /** Takes the next token, which must be this one. */
  expect(kind: TokenKind, text?: string): Token {
    if (!this.is(kind, text)) throw this.error(`expected ${text ?? kind}, got ${this.describe()}`);
    return this.next();
  }

  /** The next token for an error message. */
  describe(): string {
    const { kind, text } = this.current;
    if (kind === "eof") return "end of template";
    return text === "" ? kind.replace("_", " ") : `'${text}'`;
  }

  /** An error with the line of the next token. */
  error(message: string, kind: JinjaErrorKind = "TemplateSyntaxError"): JinjaError {
    return new JinjaError(kind, `${message} (line ${this.current.line})`);
  }
}
