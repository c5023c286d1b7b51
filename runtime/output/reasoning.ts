/**
 * Reasoning before an answer, between marks.
 *
 * @module
 */
import { type Characters, isSpace, type Reading } from "./characters.ts";
import type { PartList } from "./part_list.ts";

/** The marks around reasoning. */
export interface ReasoningFormat {
  readonly begin: string;
  readonly end: string;
  /** The model reasons whether or not its template or its answer begins it. */
  readonly isCertain: boolean;
}

/** Where an answer stands when its text begins: it may open its reasoning, is within it, or has none. */
export type ReasoningState = "possible" | "open" | "over";

/** Where an answer stands behind a prompt: by what the prompt ends with. */
export function stateAfter(prompt: string, format: ReasoningFormat): ReasoningState {
  const end = prompt.trimEnd();
  if (end.endsWith(format.begin)) return "open";
  if (end.endsWith(format.end)) return "over";
  return format.isCertain ? "open" : "possible";
}

/** The same behind a beginning of the answer that was given with the prompt `prompt`. */
export function stateWithin(prompt: string, beginning: string, format: ReasoningFormat): ReasoningState {
  const opened = beginning.lastIndexOf(format.begin), closed = beginning.lastIndexOf(format.end);
  if (opened !== closed) return opened > closed ? "open" : "over";
  return stateAfter(prompt, format) === "open" ? "open" : "over";
}

/** How reasoning is shown. */
export interface ReasoningOptions {
  readonly state: ReasoningState;
  /** False: with its marks, as content. */
  readonly isSeparate: boolean;
  /** False: all at once when it is over. */
  readonly streams: boolean;
}

/**
 * Reads reasoning; the rest is left. Calls `begun` when it is known to be there. Returns whether it stood there and is
 * not part of the content.
 */
export function* readReasoning(
  { characters, parts, begun }: {
    readonly characters: Characters;
    readonly parts: PartList;
    readonly begun: () => void;
  },
  format: ReasoningFormat & ReasoningOptions,
): Reading<boolean> {
  const { state, isSeparate } = format;
  const show = isSeparate ? new Shown(parts, format.streams) : new Raw(parts);
  const space = yield* characters.space();
  const isOpened = yield* characters.take(format.begin);
  if (!isOpened && state === "possible") {
    characters.putBack(space);
    return false;
  }
  begun();
  show.mark(space + (isOpened ? format.begin : ""));
  show.mark(yield* characters.space());
  const isClosed = yield* readUpTo(characters, format.end, (text) => show.text(text));
  show.end(isClosed ? format.end : "");
  return isSeparate;
}

/** Reads up to `end`, which it takes; false if the text ends before. What may still become `end` is held back. */
function* readUpTo(
  characters: Characters,
  end: string,
  show: (text: string) => void,
): Reading<boolean> {
  for (let held = "";;) {
    const next = characters.nextIfThere() ?? (yield* characters.next());
    if (next === undefined) {
      show(held);
      return false;
    }
    held += next;
    if (held === end) return true;
    if (end.startsWith(held)) continue;
    show(held[0]!);
    characters.putBack(held.slice(1));
    held = "";
  }
}

/** Reasoning as content, as it came. */
class Raw {
  readonly #parts: PartList;

  constructor(parts: PartList) {
    this.#parts = parts;
  }

  mark(text: string): void {
    this.#parts.addContent(text);
  }

  text(text: string): void {
    this.#parts.addContent(text);
  }

  end(text: string): void {
    this.#parts.addContent(text);
  }
}

/** Reasoning without marks, and without white space before its end. */
class Shown {
  readonly #parts: PartList;
  readonly #streams: boolean;
  #space = "";
  #waiting = "";

  constructor(parts: PartList, streams: boolean) {
    this.#parts = parts;
    this.#streams = streams;
  }

  mark(_text: string): void {}

  text(text: string): void {
    for (let i = 0; i < text.length; i++) {
      if (isSpace(text[i]!)) this.#space += text[i];
      else {
        const shown = this.#space + text[i];
        this.#space = "";
        if (this.#streams) this.#parts.addReasoning(shown);
        else this.#waiting += shown;
      }
    }
  }

  end(_mark: string): void {
    this.#parts.addReasoning(this.#waiting);
  }
}
