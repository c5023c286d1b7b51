/**
 * From tokens to text: incremental detokenising and stop texts.
 *
 * @module
 */
import { isFirst, StopFinder } from "./stop_finder.ts";
import type { Detokenizer } from "../tokenizer/detokenizer.ts";
import { numCharacters } from "../tokenizer/utf8.ts";

/** Where the text of tokens comes from. */
export type TextSource = Pick<Detokenizer, "push" | "flush" | "follow" | "start" | "isUnfinished">;

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

/** Text that became certain, and the stop text or expression that ended it. */
export interface TextPiece {
  readonly text: string;
  readonly matched?: string;
}

/** Settings of a {@linkcode TextStream}. */
export interface TextStreamOptions {
  /** The text to show. */
  readonly shown: TextSource;
  /** The same with all its special tokens. */
  readonly whole: TextSource;
  /** Stop texts, none of them empty. */
  readonly stop: readonly string[];
  /** Regular expressions whose matches are stop texts. */
  readonly stopRegex: readonly string[];
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
 * longest of several; what matches a regular expression is one too. This depends on the text alone, not on how it is
 * split into tokens. What may still become part of a stop text is withheld. Stop texts are found in the text that is
 * shown and in the one with special tokens.
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
  /** Characters (code points) emitted. */
  #numEmitted = 0;
  #starts: number[] = [];

  constructor(options: TextStreamOptions) {
    this.#shown = options.shown;
    this.#whole = options.whole;
    this.#hasStops = options.stop.length + options.stopRegex.length > 0;
    this.#inShown = new StopFinder(options.stop, options.stopRegex);
    this.#inWhole = new StopFinder(options.stop, options.stopRegex);
    this.#noStopTrim = options.noStopTrim;
    this.#findsStarts = options.findsStarts;
  }

  /** Text that is withheld, since a stop text may cut it off, UTF-16 units. */
  get numWithheld(): number {
    return this.#withheld.length;
  }

  /** Whether the text of the next token, or of the flush, begins with a part of a character that came before. */
  get isUnfinished(): boolean {
    return this.#shown.isUnfinished;
  }

  /** Appends a token, whose own text is not shown if `hidden`. After a piece with `matched` the text is over. */
  push(token: number, hidden = false): TextPiece {
    const shown = hidden ? "" : this.#shown.push(token);
    if (this.#findsStarts) this.#starts.push(hidden ? Infinity : this.#shown.start);
    return this.#hasStops ? this.#append(this.#whole.push(token), shown) : { text: this.#emit(shown) };
  }

  /** Ends the text: nothing stays withheld. */
  flush(): TextPiece {
    const shown = this.#shown.flush();
    const last = this.#hasStops
      ? this.#append(this.#whole.flush(), shown, true)
      : { text: this.#emit(shown) };
    if (last.matched !== undefined) return last;
    const text = last.text + this.#emit(this.#withheld);
    this.#endStarts();
    return { text };
  }

  /**
   * The characters (code points) of the text before that of each token, in order, for as many more tokens as are known
   * for certain: for all of them once the text is over. A token that a stop text cut off starts at the text's end.
   */
  takeStarts(): number[] {
    const numCertain = this.#starts.findIndex((start) => start > this.#numEmitted);
    return this.#starts.splice(0, numCertain < 0 ? this.#starts.length : numCertain);
  }

  #append(whole: string, shown: string, isLast = false): TextPiece {
    const before = this.#lengths.at(-1)!;
    const length = { whole: before.whole + whole.length, shown: before.shown + shown.length };
    this.#lengths.push(length);
    this.#withheld += shown;
    const inWhole = this.#inWhole.push(whole, isLast), inShown = this.#inShown.push(shown, isLast);
    if (inWhole !== undefined || inShown !== undefined) {
      const isInWhole = inShown === undefined || (inWhole !== undefined && !isFirst(inShown, inWhole));
      const { matched, matchedLength, numLeft } = isInWhole ? inWhole! : inShown;
      const numCut = numLeft + (this.#noStopTrim ? 0 : matchedLength);
      const end = isInWhole ? this.#shownUpTo(length.whole - numCut) : length.shown - numCut;
      const text = this.#emitUpTo(end);
      this.#endStarts();
      return { text, matched };
    }
    const wholeEnd = length.whole - this.#inWhole.matchedLength;
    const shownEnd = length.shown - this.#inShown.matchedLength;
    const text = this.#emitUpTo(Math.min(this.#shownUpTo(wholeEnd), shownEnd));
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

  /** Emits the shown text up to `end`, UTF-16 units from its beginning. */
  #emitUpTo(end: number): string {
    const numKept = this.#lengths.at(-1)!.shown - end;
    const emitted = this.#withheld.slice(0, Math.max(0, this.#withheld.length - numKept));
    this.#withheld = this.#withheld.slice(emitted.length);
    return this.#emit(emitted);
  }

  #emit(text: string): string {
    if (this.#findsStarts) this.#numEmitted += numCharacters(text);
    return text;
  }

  #endStarts(): void {
    this.#starts = this.#starts.map((start) => Math.min(start, this.#numEmitted));
  }
}
