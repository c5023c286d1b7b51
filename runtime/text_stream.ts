/**
 * From tokens to text: incremental detokenising and stop texts.
 *
 * @module
 */
import type { Detokenizer } from "./tokenizer/detokenizer.ts";

/** Where the text of tokens comes from. */
export type TextSource = Pick<Detokenizer, "push" | "flush">;

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

/**
 * The text of one generation. It ends before (with `noStopTrim` after) the stop text that is complete first, the
 * longest of several; this depends on the text alone, not on how it is split into tokens. What may still become
 * part of a stop text is withheld.
 */
export class TextStream {
  readonly #source: TextSource;
  readonly #stops: readonly StopText[];
  readonly #noStopTrim: boolean;
  #withheld = "";

  /** @param options.stop stop texts, none of them empty */
  constructor(source: TextSource, options: { stop: readonly string[]; noStopTrim: boolean }) {
    this.#source = source;
    this.#stops = options.stop.map((text) => new StopText(text));
    this.#noStopTrim = options.noStopTrim;
  }

  /** Appends a token. After a piece with `matched` the text is over. */
  push(token: number): TextPiece {
    return this.#append(this.#source.push(token));
  }

  /** Ends the text: nothing stays withheld. */
  flush(): TextPiece {
    const last = this.#append(this.#source.flush());
    return last.matched === undefined ? { text: last.text + this.#withheld } : last;
  }

  #append(text: string): TextPiece {
    if (this.#stops.length === 0) return { text };
    for (const character of text) {
      this.#withheld += character;
      const complete = this.#stops.filter((stop) => stop.push(character));
      if (complete.length > 0) {
        const { text: matched } = complete.reduce((a, b) => b.text.length > a.text.length ? b : a);
        const end = this.#withheld.length - (this.#noStopTrim ? 0 : matched.length);
        return { text: this.#withheld.slice(0, end), matched };
      }
    }
    const numWithheld = Math.max(...this.#stops.map((stop) => stop.matchedLength));
    const end = this.#withheld.length - numWithheld;
    const certain = this.#withheld.slice(0, end);
    this.#withheld = this.#withheld.slice(end);
    return { text: certain };
  }
}
