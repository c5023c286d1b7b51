/**
 * Texts that are read a character at a time, so that what is read of them does not depend on the pieces in which they
 * come.
 *
 * @module
 */

/** Something that is read: it asks for more text by yielding, and gets undefined where the text is over. */
export type Reading<T = void> = Generator<undefined, T, string | undefined>;

/** The characters (UTF-16 units) of a text that is still coming. */
export class Characters {
  /** What was put back, last character first. */
  readonly #back: string[] = [];
  /** The piece of text that came last, and how much of it was taken. */
  #piece = "";
  #numTaken = 0;
  #isOver = false;

  /** Takes the next character if it has come, which is cheaper than {@linkcode next}; undefined if not. */
  nextIfThere(): string | undefined {
    const back = this.#back.pop();
    if (back !== undefined) return back;
    return this.#numTaken < this.#piece.length ? this.#piece[this.#numTaken++] : undefined;
  }

  /** Takes the next character; undefined at the end of the text. */
  *next(): Reading<string | undefined> {
    for (;;) {
      const next = this.nextIfThere();
      if (next !== undefined || this.#isOver) return next;
      const piece = yield;
      this.#isOver = piece === undefined;
      this.#piece = piece ?? "";
      this.#numTaken = 0;
    }
  }

  /** Puts characters back; they are the next ones. Undefined, the end of the text, stays the end. */
  putBack(text: string | undefined): void {
    for (let i = (text?.length ?? 0) - 1; i >= 0; i--) this.#back.push(text![i]!);
  }

  /** Takes white space. */
  *space(): Reading<string> {
    let space = "";
    for (;;) {
      const next = this.nextIfThere() ?? (yield* this.next());
      if (next === undefined || !isSpace(next)) {
        this.putBack(next);
        return space;
      }
      space += next;
    }
  }

  /** Takes `text` if it comes next. */
  *take(text: string): Reading<boolean> {
    let taken = "";
    for (const expected of units(text)) {
      const next = yield* this.next();
      if (next !== expected) {
        this.putBack(next);
        this.putBack(taken);
        return false;
      }
      taken += next;
    }
    return true;
  }

  /** Takes white space and `text` if they come next, or the beginning of them that all ends with. */
  *takeEnd(text: string): Reading {
    let taken = yield* this.space();
    for (const expected of units(text)) {
      const next = yield* this.next();
      if (next === undefined) return;
      taken += next;
      if (next !== expected) {
        this.putBack(taken);
        return;
      }
    }
  }

  /** Takes all up to one of `ends`, which it puts back, and no more than `max` characters. */
  *until(ends: string, max: number): Reading<string> {
    let text = "";
    while (text.length < max) {
      const next = yield* this.next();
      if (next === undefined || ends.includes(next)) {
        this.putBack(next);
        break;
      }
      text += next;
    }
    return text;
  }
}

function units(text: string): string[] {
  return Array.from({ length: text.length }, (_, i) => text[i]!);
}

/** Whether a character is white space of JSON. */
export function isSpace(character: string): boolean {
  return character === " " || character === "\n" || character === "\t" || character === "\r";
}

/** Feeds a reading with pieces of text. */
export class Feed {
  readonly #reading: Reading;

  /** `reading` has not begun. */
  constructor(reading: Reading) {
    this.#reading = reading;
    reading.next();
  }

  /** Gives it more text. */
  push(text: string): void {
    this.#reading.next(text);
  }

  /** Says that the text is over. */
  end(): void {
    this.#reading.next(undefined);
  }
}
