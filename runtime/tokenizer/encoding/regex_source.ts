/**
 * A regular expression while it is read.
 *
 * @module
 */

/** Says which part of an expression JavaScript cannot express. */
export class RegexError extends Error {
  override readonly name = "RegexError";
}

/** A place in an expression. */
export class RegexSource {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Whether all was read. */
  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /**
   * The next character.
   *
   * @throws {RegexError} at the end
   */
  take(): string {
    const codePoint = this.#text.codePointAt(this.#at);
    if (codePoint === undefined) throw new RegexError("an end where something must follow");
    const character = String.fromCodePoint(codePoint);
    this.#at += character.length;
    return character;
  }

  /** Whether a text follows. */
  peek(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  /** Takes a text if it follows. */
  skip(text: string): boolean {
    const follows = this.peek(text);
    if (follows) this.#at += text.length;
    return follows;
  }

  /** Takes what a sticky expression matches here. */
  match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text) ?? undefined;
    if (match !== undefined) this.#at += match[0].length;
    return match;
  }
}
