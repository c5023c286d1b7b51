/**
 * Tokens of a text that must come next (jump-forward decoding), cut as the model cuts such text.
 *
 * @module
 */
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { SequenceMatcher } from "./sequence_matcher.ts";
import type { TokenSets } from "./token_sets.ts";

/** Tokens before the forced ones that are tokenized with them: where a word ends depends on how it begins. */
const NUM_BEFORE = 16;
/** Characters of a forced text that are tokenized: more than a tree has room for. */
const MAX_TEXT = 1024;
/** Texts whose tokens are remembered. */
const MAX_REMEMBERED = 4096;
/**
 * What may follow a forced text, most usual first: by the first row with a text that the grammar allows it is judged
 * whether the forced text's last token stays as it is.
 */
const FOLLOWERS = [["a", "T"], ["1"], ['"', " ", "-", "{", "[", "}", "]", ",", ":", ".", "\n"]];

const DECODER = new TextDecoder("utf-8", { fatal: true });
const ENCODER = new TextEncoder();

/** Finds forced tokens. One for all sequences of a vocabulary. */
export class ForcedTokens {
  readonly #tokenizer: Tokenizer;
  readonly #sets: TokenSets;
  readonly #endTokens: readonly number[];
  readonly #remembered = new Map<string, readonly number[]>();

  constructor(tokenizer: Tokenizer, sets: TokenSets, endTokens: readonly number[]) {
    this.#tokenizer = tokenizer;
    this.#sets = sets;
    this.#endTokens = endTokens;
  }

  /** The tokens that must come next, each allowed by the matcher, which is where it was afterwards. */
  async next(matcher: SequenceMatcher): Promise<number[]> {
    const numBefore = matcher.numTokens;
    for (const token of matcher.forcedTokens()) matcher.accept(token);
    this.#takeText(matcher, matcher.forcedText().slice(0, MAX_TEXT));
    await this.#takeEnd(matcher);
    const numTaken = matcher.numTokens - numBefore, taken = matcher.lastTokens(numTaken);
    matcher.back(numTaken);
    return taken;
  }

  /** Moves the matcher over the tokens of a text, but for the last if what follows may change it. */
  #takeText(matcher: SequenceMatcher, text: string): void {
    // Bytes that are half a character arrive as replacement characters.
    if (text === "" || text.includes("\ufffd")) return;
    const before = this.#textBefore(matcher), { namesSpecials } = matcher;
    const tokens = this.#suffix(before + text, text, namesSpecials) ?? this.#encode(text, namesSpecials);
    for (const token of tokens) if (!matcher.accept(token)) return;
    if (tokens.length > 0 && !this.#isStable(matcher, before + text, tokens.at(-1)!)) matcher.back(1);
  }

  /** Moves the matcher over an end token if nothing else may come. */
  async #takeEnd(matcher: SequenceMatcher): Promise<void> {
    const end = this.#endTokens[0];
    if (end === undefined || !matcher.mayEnd(end)) return;
    const allowed = await matcher.allowed();
    if (allowed instanceof Int32Array && this.#sets.areOnlyEnds(allowed)) matcher.accept(end);
  }

  /** Whether the last token of a text stays the same whatever usually follows. */
  #isStable(matcher: SequenceMatcher, text: string, last: number): boolean {
    for (const row of FOLLOWERS) {
      const followers = row.filter((follower) => matcher.mayContinue(follower));
      if (followers.length === 0) continue;
      return followers.every((follower) => {
        const { namesSpecials } = matcher, tokens = this.#encode(text + follower, namesSpecials);
        const suffix = this.#suffix(text + follower, follower, namesSpecials);
        return suffix !== undefined && tokens.at(-suffix.length - 1) === last;
      });
    }
    const end = this.#endTokens[0];
    return end !== undefined && matcher.mayEnd(end);
  }

  /** The text of the last tokens, as far as it is whole characters of tokens that are text. */
  #textBefore(matcher: SequenceMatcher): string {
    const tokens = matcher.lastTokens(NUM_BEFORE);
    const lastSpecial = tokens.findLastIndex((token) => this.#tokenizer.isSpecial(token));
    const bytes = tokens.slice(lastSpecial + 1).flatMap((token) => [...this.#tokenizer.tokenBytes(token)]);
    const start = bytes.findIndex((byte) => (byte & 0xc0) !== 0x80);
    try {
      return DECODER.decode(Uint8Array.from(bytes.slice(Math.max(start, 0))));
    } catch {
      return "";
    }
  }

  /** The tokens of a text that make up its end; undefined if none begins there. */
  #suffix(text: string, end: string, parseSpecial: boolean): readonly number[] | undefined {
    const tokens = this.#encode(text, parseSpecial);
    let numBytes = ENCODER.encode(end).length, first = tokens.length;
    while (numBytes > 0 && first > 0) numBytes -= this.#tokenizer.tokenBytes(tokens[--first]!).length;
    return numBytes === 0 ? tokens.slice(first) : undefined;
  }

  #encode(text: string, parseSpecial: boolean): readonly number[] {
    const key = parseSpecial ? `special ${text}` : `plain ${text}`;
    let tokens = this.#remembered.get(key);
    if (tokens === undefined) {
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
      tokens = [...this.#tokenizer.encode(text, { addSpecialTokens: false, parseSpecial })];
      this.#remembered.set(key, tokens);
    }
    return tokens;
  }
}
