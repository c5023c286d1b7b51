/**
 * Keeps special tokens from being found where a user wrote them.
 *
 * @module
 */
import { InvalidRequestError } from "../contracts/errors.ts";
import type { GuardedText } from "./encoding/encoder.ts";
import type { AddedTokenEntry } from "./source.ts";

/** Unicode noncharacters: never part of a valid exchange of text, so they can mark places in it. */
const GUARDS = Array.from({ length: 32 }, (_, i) => String.fromCharCode(0xfdd0 + i));

/** The special tokens of one vocabulary. */
export class SpecialTokens {
  readonly #pattern: RegExp | undefined;
  /** Every beginning of a special token, itself excluded. */
  readonly #beginnings = new Set<string>();
  readonly #longest: number;

  constructor(entries: readonly AddedTokenEntry[]) {
    const contents = [...new Set(entries.map(({ content }) => content))].toSorted((a, b) =>
      b.length - a.length
    );
    this.#longest = contents[0]?.length ?? 0;
    if (contents.length > 0) this.#pattern = new RegExp(contents.map(RegExp.escape).join("|"), "g");
    for (const content of contents) {
      for (let length = 1; length < content.length; length++) this.#beginnings.add(content.slice(0, length));
    }
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

/** A text without the guards that {@linkcode SpecialTokens.guard} put into it, and where they stood. */
export function withoutGuards(text: string, guard: string): GuardedText {
  const parts = text.split(guard);
  const guards: number[] = [];
  let length = 0;
  for (const part of parts.slice(0, -1)) guards.push(length += part.length);
  return { text: parts.join(""), guards };
}
