/**
 * From tokens to text: incremental detokenising and stop texts.
 *
 * @module
 */
import type { Detokenizer } from "./tokenizer/detokenizer.ts";
import { numCharacters } from "./tokenizer/utf8.ts";

/** Where the text of tokens comes from. */
export type TextSource = Pick<Detokenizer, "push" | "flush" | "follow" | "start">;

/** Text of tokens and the characters (code points) before the text of each. */
export function decodeWithStarts(
  source: TextSource,
  tokens: readonly number[],
): { readonly text: string; readonly starts: readonly number[] } {
  let text = "";
  const starts = tokens.map((token) => {
    text += source.push(token);
    return source.start;
  });
  return { text: text + source.flush(), starts };
}

/** Text that became certain, and the stop text that ended it. */
export interface TextPiece {
  readonly text: string;
  readonly matched?: string;
}

/**
 * A stop text and how much of it the text so far ends with. Characters are code points, so that half a surrogate
 * pair in a stop text never cuts a character in two.
 */
class StopText {
  readonly text: string;
  readonly #characters: readonly string[];
  /** By number of matched characters: the longest shorter match that is a suffix of it (Knuth, Morris, Pratt). */
  readonly #shorter: number[] = [0, 0];
  /** By number of matched characters: their length in UTF-16 units. */
  readonly #lengths: number[] = [0];
  #numMatched = 0;

  constructor(text: string) {
    this.text = text;
    this.#characters = [...text];
    for (const [index, character] of this.#characters.entries()) {
      this.#lengths.push(this.#lengths[index]! + character.length);
      if (index > 0) this.#shorter.push(this.#extend(this.#shorter[index]!, character));
    }
  }

  /** True if `character` completes the stop text. Not to be called again after that. */
  push(character: string): boolean {
    this.#numMatched = this.#extend(this.#numMatched, character);
    return this.#numMatched === this.#characters.length;
  }

  /** Length in UTF-16 units of the match so far. */
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

/** Where a stop text is complete: `numLeft` UTF-16 units before the end of what was pushed last. */
interface StopMatch {
  readonly matched: string;
  readonly numLeft: number;
}

/** Looks for several stop texts in a text that comes in pieces. */
class StopFinder {
  readonly #stops: readonly StopText[];

  constructor(stop: readonly string[]) {
    this.#stops = stop.map((text) => new StopText(text));
  }

  /** Length of the longest match so far, UTF-16 units. */
  get matchedLength(): number {
    let longest = 0;
    for (const stop of this.#stops) longest = Math.max(longest, stop.matchedLength);
    return longest;
  }

  /** The stop text that is complete first, the longest of several. Not to be called again after that. */
  push(text: string): StopMatch | undefined {
    let numLeft = text.length;
    for (const character of text) {
      numLeft -= character.length;
      let matched = "";
      for (const stop of this.#stops) {
        if (stop.push(character) && stop.text.length > matched.length) matched = stop.text;
      }
      if (matched !== "") return { matched, numLeft };
    }
  }
}

/** Settings of a {@linkcode TextStream}. */
export interface TextStreamOptions {
  /** The text to show. */
  readonly shown: TextSource;
  /** The same with all its special tokens. */
  readonly whole: TextSource;
  /** Stop texts, none of them empty. */
  readonly stop: readonly string[];
  /** Keep the stop text. */
  readonly noStopTrim: boolean;
  /** Keep account of where tokens start, for `takeStarts`. */
  readonly findsStarts: boolean;
}

/** Lengths of the two texts behind a token, UTF-16 units. */
interface Lengths {
  readonly whole: number;
  readonly shown: number;
}

/**
 * The text of one generation. It ends before (with `noStopTrim` after) the stop text that is complete first, the
 * longest of several; this depends on the text alone, not on how it is split into tokens. What may still become
 * part of a stop text is withheld. Stop texts are found in the text that is shown and in the one with special tokens.
 */
export class TextStream {
  readonly #shown: TextSource;
  readonly #whole: TextSource;
  readonly #hasStops: boolean;
  readonly #inShown: StopFinder;
  readonly #inWhole: StopFinder;
  readonly #noStopTrim: boolean;
  readonly #findsStarts: boolean;
  /** Behind the tokens that may still be cut off, and the one before. */
  readonly #lengths: Lengths[] = [{ whole: 0, shown: 0 }];
  #withheld = "";
  /** Characters (code points) given out. */
  #numGiven = 0;
  #starts: number[] = [];

  constructor(options: TextStreamOptions) {
    this.#shown = options.shown;
    this.#whole = options.whole;
    this.#hasStops = options.stop.length > 0;
    this.#inShown = new StopFinder(options.stop);
    this.#inWhole = new StopFinder(options.stop);
    this.#noStopTrim = options.noStopTrim;
    this.#findsStarts = options.findsStarts;
  }

  /** Appends a token, whose own text is not shown if `hidden`. After a piece with `matched` the text is over. */
  push(token: number, hidden = false): TextPiece {
    const shown = hidden ? "" : this.#shown.push(token);
    if (this.#findsStarts) this.#starts.push(hidden ? Infinity : this.#shown.start);
    return this.#hasStops ? this.#append(this.#whole.push(token), shown) : { text: this.#give(shown) };
  }

  /** Ends the text: nothing stays withheld. */
  flush(): TextPiece {
    const shown = this.#shown.flush();
    const last = this.#hasStops ? this.#append(this.#whole.flush(), shown) : { text: this.#give(shown) };
    if (last.matched !== undefined) return last;
    const text = last.text + this.#give(this.#withheld);
    this.#endStarts();
    return { text };
  }

  /**
   * The characters (code points) of the text before that of each token, in order, for as many more tokens as are known
   * for certain: for all of them once the text is over. A token that a stop text cut off starts at the text's end.
   */
  takeStarts(): number[] {
    const numCertain = this.#starts.findIndex((start) => start > this.#numGiven);
    return this.#starts.splice(0, numCertain < 0 ? this.#starts.length : numCertain);
  }

  #append(whole: string, shown: string): TextPiece {
    const before = this.#lengths.at(-1)!;
    const length = { whole: before.whole + whole.length, shown: before.shown + shown.length };
    this.#lengths.push(length);
    this.#withheld += shown;
    const inWhole = this.#inWhole.push(whole), inShown = this.#inShown.push(shown);
    if (inWhole !== undefined || inShown !== undefined) {
      const isInWhole = inShown === undefined || (inWhole !== undefined && isFirst(inWhole, inShown));
      const { matched, numLeft } = isInWhole ? inWhole! : inShown;
      const numCut = numLeft + (this.#noStopTrim ? 0 : matched.length);
      const end = isInWhole ? this.#shownUpTo(length.whole - numCut) : length.shown - numCut;
      const text = this.#giveUpTo(end);
      this.#endStarts();
      return { text, matched };
    }
    const wholeEnd = length.whole - this.#inWhole.matchedLength;
    const shownEnd = length.shown - this.#inShown.matchedLength;
    const text = this.#giveUpTo(Math.min(this.#shownUpTo(wholeEnd), shownEnd));
    while (this.#lengths.length > 1 && this.#lengths[1]!.whole <= wholeEnd) this.#lengths.shift();
    return { text };
  }

  /**
   * How much is shown of the whole text's first `end` UTF-16 units. A token's two texts are aligned at their ends: it
   * is shown or not, but where a special token that is not shown stands within a character they begin differently.
   */
  #shownUpTo(end: number): number {
    const at = Math.max(1, this.#lengths.findIndex(({ whole }) => whole >= end));
    const { whole, shown } = this.#lengths[at]!;
    return Math.max(this.#lengths[at - 1]!.shown, shown - (whole - end));
  }

  /** Gives out the shown text up to `end`, UTF-16 units from its beginning. */
  #giveUpTo(end: number): string {
    const numKept = this.#lengths.at(-1)!.shown - end;
    const given = this.#withheld.slice(0, Math.max(0, this.#withheld.length - numKept));
    this.#withheld = this.#withheld.slice(given.length);
    return this.#give(given);
  }

  #give(text: string): string {
    if (this.#findsStarts) this.#numGiven += numCharacters(text);
    return text;
  }

  #endStarts(): void {
    this.#starts = this.#starts.map((start) => Math.min(start, this.#numGiven));
  }
}

/** Whether stop text `a` is complete before `b`, or with it and not shorter. */
function isFirst(a: StopMatch, b: StopMatch): boolean {
  return a.numLeft === b.numLeft ? a.matched.length >= b.matched.length : a.numLeft > b.numLeft;
}
