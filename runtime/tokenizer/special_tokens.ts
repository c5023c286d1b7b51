/**
 * Finds special tokens in text, and keeps them from being found where a user wrote them.
 *
 * @module
 */
import { InvalidRequestError } from "../contracts/errors.ts";
import type { AddedTokenEntry } from "./source.ts";

/** A piece of text, or a special token in it. */
export type TextPiece = string | AddedTokenEntry;

/** Unicode noncharacters: never part of a valid exchange of text, so they can mark places in it. */
const GUARDS = Array.from({ length: 32 }, (_, i) => String.fromCharCode(0xfdd0 + i));

/** The special tokens of one vocabulary. */
export class SpecialTokens {
  readonly #byContent: ReadonlyMap<string, AddedTokenEntry>;
  readonly #pattern: RegExp | undefined;
  /** Every beginning of a special token, itself excluded. */
  readonly #beginnings = new Set<string>();
  readonly #longest: number;

  constructor(entries: readonly AddedTokenEntry[]) {
    this.#byContent = new Map(entries.map((entry) => [entry.content, entry]));
    const contents = [...this.#byContent.keys()].toSorted((a, b) => b.length - a.length);
    this.#longest = contents[0]?.length ?? 0;
    if (contents.length > 0) this.#pattern = new RegExp(contents.map(RegExp.escape).join("|"), "g");
    for (const content of contents) {
      for (let length = 1; length < content.length; length++) this.#beginnings.add(content.slice(0, length));
    }
  }

  /** Cuts a text at its special tokens, the longest where several match; white space they absorb is gone. */
  split(text: string): TextPiece[] {
    if (this.#pattern === undefined) return [text];
    const pieces: TextPiece[] = [];
    let start = 0;
    for (const match of text.matchAll(this.#pattern)) {
      const token = this.#byContent.get(match[0])!;
      const before = text.slice(start, match.index);
      pieces.push(token.lstrip ? before.trimEnd() : before, token);
      start = match.index + match[0].length;
      if (token.rstrip) start = text.length - text.slice(start).trimStart().length;
    }
    pieces.push(text.slice(start));
    return pieces;
  }

  /**
   * A character that occurs in none of `texts`.
   *
   * @throws {InvalidRequestError} if they contain all candidates
   */
  chooseGuard(texts: readonly string[]): string {
    const guard = GUARDS.find((candidate) => !texts.some((text) => text.includes(candidate)));
    if (guard === undefined) {
      throw new InvalidRequestError(
        "Cannot render chat: all noncharacters U+FDD0 to U+FDEF occur in it",
        "messages",
      );
    }
    return guard;
  }

  /**
   * Breaks up special tokens in `text`, and a beginning of one at its end, by putting `guard` after each of their
   * characters. Other text is returned unchanged.
   */
  guard(text: string, guard: string): string {
    if (this.#pattern === undefined) return text;
    const guarded = text.replace(this.#pattern, (token) => token.replaceAll(/[^]/g, (unit) => unit + guard));
    for (let length = 1; length < this.#longest && length <= text.length; length++) {
      if (this.#beginnings.has(text.slice(-length))) return guarded + guard;
    }
    return guarded;
  }
}
