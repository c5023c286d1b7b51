/**
 * Looks for what ends a generation, stop texts and regular expressions, in a text that comes in pieces.
 *
 * @module
 */
import { type RegexMatch, RegexMatcher } from "./regex_matcher.ts";
import { compileStopRegexes } from "../contracts/stop_regex.ts";

/** Where a stop text is complete: `numLeft` UTF-16 units before the end of what was pushed last. */
export interface StopMatch {
  /** The stop text or expression, as it was given. */
  readonly matched: string;
  /** Of the text that matches it, UTF-16 units. */
  readonly matchedLength: number;
  readonly numLeft: number;
}

/** A stop text or expression. */
interface Stop {
  readonly name: string;
  /** Length in UTF-16 units of the match so far. */
  readonly matchedLength: number;
  /** The match that `character` completes or decides. Not to be called again after that. */
  push(character: string): RegexMatch | undefined;
  /** The match that the end of the text decides. */
  flush(): RegexMatch | undefined;
}

/**
 * A stop text and how much of it the text so far ends with. Characters are code points, so that half a surrogate
 * pair in a stop text never cuts a character in two.
 */
class StopText implements Stop {
  readonly name: string;
  readonly #characters: readonly string[];
  /** By number of matched characters: the longest shorter match that is a suffix of it (Knuth, Morris, Pratt). */
  readonly #shorter: number[] = [0, 0];
  /** By number of matched characters: their length in UTF-16 units. */
  readonly #lengths: number[] = [0];
  #numMatched = 0;

  constructor(text: string) {
    this.name = text;
    this.#characters = [...text];
    for (const [index, character] of this.#characters.entries()) {
      this.#lengths.push(this.#lengths[index]! + character.length);
      if (index > 0) this.#shorter.push(this.#extend(this.#shorter[index]!, character));
    }
  }

  push(character: string): RegexMatch | undefined {
    this.#numMatched = this.#extend(this.#numMatched, character);
    if (this.#numMatched < this.#characters.length) return undefined;
    return { length: this.matchedLength, isBefore: false };
  }

  flush(): undefined {}

  get matchedLength(): number {
    return this.#lengths[this.#numMatched]!;
  }

  #extend(numMatched: number, character: string): number {
    while (numMatched > 0 && this.#characters[numMatched] !== character) {
      numMatched = this.#shorter[numMatched]!;
    }
    return this.#characters[numMatched] === character ? numMatched + 1 : numMatched;
  }
}

/** Finds the stop text that is complete first, the longest of several. */
export class StopFinder {
  readonly #texts: readonly string[];
  readonly #patterns: readonly string[];
  #made: readonly Stop[] | undefined;

  /** The expressions have been checked. */
  constructor(stop: readonly string[], stopRegex: readonly string[]) {
    this.#texts = stop;
    this.#patterns = stopRegex;
  }

  /** Made when the first text comes: a batch may start a thousand generations at once. */
  get #stops(): readonly Stop[] {
    return this.#made ??= [
      ...this.#texts.map((text) => new StopText(text)),
      ...compileStopRegexes(this.#patterns).map((program) => new RegexMatcher(program)),
    ];
  }

  /** Length of the longest match so far, UTF-16 units. */
  get matchedLength(): number {
    let longest = 0;
    for (const stop of this.#stops) longest = Math.max(longest, stop.matchedLength);
    return longest;
  }

  /** The match in `text`, behind which nothing comes if it `isLast`. Not to be called again after a match. */
  push(text: string, isLast: boolean): StopMatch | undefined {
    let numLeft = text.length;
    for (const character of text) {
      const match = this.#first((stop) => stop.push(character), numLeft, numLeft - character.length);
      if (match !== undefined) return match;
      numLeft -= character.length;
    }
    return isLast ? this.#first((stop) => stop.flush(), 0, 0) : undefined;
  }

  /** Of the matches of all stops that which ends first, the longest of several. */
  #first(
    matchOf: (stop: Stop) => RegexMatch | undefined,
    numLeftBefore: number,
    numLeftBehind: number,
  ): StopMatch | undefined {
    let first: StopMatch | undefined;
    for (const stop of this.#stops) {
      const match = matchOf(stop);
      if (match === undefined) continue;
      const numLeft = match.isBefore ? numLeftBefore : numLeftBehind;
      const found = { matched: stop.name, matchedLength: match.length, numLeft };
      if (first === undefined || isFirst(found, first)) first = found;
    }
    return first;
  }
}

/** Whether stop text `a` is complete before `b`, or with it and longer. */
export function isFirst(a: StopMatch, b: StopMatch): boolean {
  return a.numLeft === b.numLeft ? a.matchedLength > b.matchedLength : a.numLeft > b.numLeft;
}
