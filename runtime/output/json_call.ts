/**
 * Reads calls of tools that are JSON objects, `{"name": ..., "arguments": ...}`, as they come.
 *
 * @module
 */
import type { Characters, Reading } from "./characters.ts";
import { isSpace } from "./characters.ts";
import type { PartList } from "./part_list.ts";

/** Longest name of a tool that is looked for, UTF-16 units; OpenAI's own have up to 64. */
export const MAX_NAME = 256;

/** What calls are read for. */
export interface CallTarget {
  readonly characters: Characters;
  readonly parts: PartList;
  /** Names of the tools; undefined: any name is one. What calls another is text. */
  readonly names: ReadonlySet<string> | undefined;
}

/** Names of the two members, in the words of all models. */
const NAME_KEYS: ReadonlySet<string> = new Set(["name"]);
const ARGUMENT_KEYS: ReadonlySet<string> = new Set(["arguments", "parameters"]);

/**
 * Reads an object that may be a call. A call that has begun counts, whatever follows. Returns the text that was taken if
 * it is none.
 */
export function* readJsonCall(target: CallTarget): Reading<string | undefined> {
  return yield* new JsonCall(target).read();
}

class JsonCall {
  readonly #target: CallTarget;
  /** What was taken before the call began. */
  #taken = "";
  #hasBegun = false;
  /** Arguments that came before the name. */
  #early: string | undefined;
  #hasArguments = false;

  constructor(target: CallTarget) {
    this.#target = target;
  }

  *read(): Reading<string | undefined> {
    const isWhole = yield* this.#members();
    if (!this.#hasBegun) return this.#taken;
    if (isWhole && !this.#hasArguments) this.#target.parts.addArguments("{}");
    return undefined;
  }

  /** Reads `{`, members and `}`; false where something else comes. */
  *#members(): Reading<boolean> {
    if (!(yield* this.#symbol("{"))) return false;
    for (;;) {
      yield* this.#space();
      const key = yield* this.#string();
      if (key === undefined) return false;
      yield* this.#space();
      if (!(yield* this.#symbol(":"))) return false;
      yield* this.#space();
      if (!(yield* this.#member(key))) return false;
      yield* this.#space();
      if (yield* this.#symbol("}")) return true;
      if (!(yield* this.#symbol(","))) return false;
    }
  }

  *#member(key: string): Reading<boolean> {
    if (NAME_KEYS.has(key) && !this.#hasBegun) {
      const name = yield* this.#string(MAX_NAME);
      if (name === undefined || this.#target.names?.has(name) === false) return false;
      this.#begin(name);
      return true;
    }
    if (!ARGUMENT_KEYS.has(key) || this.#hasArguments) return yield* this.#value(() => {});
    this.#hasArguments = true;
    return yield* this.#arguments();
  }

  #begin(name: string): void {
    const { parts } = this.#target;
    this.#hasBegun = true;
    parts.addCall(name);
    if (this.#early !== undefined) parts.addArguments(this.#early);
  }

  /** Arguments are an object; models also write its text as a string. */
  *#arguments(): Reading<boolean> {
    const first = yield* this.#target.characters.next();
    this.#target.characters.putBack(first);
    if (first === "{") return yield* this.#value((text) => this.#give(text));
    let other = "";
    const isWhole = yield* this.#value((text) => other += text);
    if (isWhole) this.#give(objectText(other));
    return isWhole;
  }

  #give(text: string): void {
    if (this.#hasBegun) this.#target.parts.addArguments(text);
    else this.#early = (this.#early ?? "") + text;
  }

  /** Copies a value; false if it is none or is cut off. */
  *#value(copy: (text: string) => void): Reading<boolean> {
    return yield* copyValue(this.#target.characters, (text) => {
      this.#take(text);
      copy(text);
    });
  }

  *#string(max = Infinity): Reading<string | undefined> {
    const { characters } = this.#target;
    const first = yield* characters.next();
    characters.putBack(first);
    if (first !== '"') return undefined;
    let text = "";
    const isWhole = yield* copyString(characters, (piece) => text += piece, max);
    this.#take(text);
    return isWhole ? textOf(text) : undefined;
  }

  *#symbol(symbol: string): Reading<boolean> {
    const next = yield* this.#target.characters.next();
    if (next === symbol) {
      this.#take(symbol);
      return true;
    }
    this.#target.characters.putBack(next);
    return false;
  }

  *#space(): Reading {
    this.#take(yield* this.#target.characters.space());
  }

  #take(text: string): void {
    if (!this.#hasBegun) this.#taken += text;
  }
}

/** Copies a JSON value piece by piece, by its brackets and strings alone; false if it is none or is cut off. */
export function* copyValue(characters: Characters, copy: (text: string) => void): Reading<boolean> {
  let depth = 0;
  for (;;) {
    const next = characters.nextIfThere() ?? (yield* characters.next());
    if (next === undefined) return false;
    if (next === '"') {
      characters.putBack(next);
      if (!(yield* copyString(characters, copy))) return false;
    } else if (next === "{" || next === "[") {
      depth++;
      copy(next);
    } else if ((next === "}" || next === "]") && depth > 0) {
      depth--;
      copy(next);
    } else if (depth > 0) {
      copy(next);
      continue;
    } else {
      characters.putBack(next);
      return yield* copyWord(characters, copy);
    }
    if (depth === 0) return true;
  }
}

/** Copies a number or a word. */
function* copyWord(characters: Characters, copy: (text: string) => void): Reading<boolean> {
  let length = 0;
  for (;; length++) {
    const next = yield* characters.next();
    if (next === undefined || isSpace(next) || '{}[],:"'.includes(next)) {
      characters.putBack(next);
      return length > 0;
    }
    copy(next);
  }
}

/** Copies a string with its quotes; false if it is longer than `max` or cut off. */
function* copyString(
  characters: Characters,
  copy: (text: string) => void,
  max = Infinity,
): Reading<boolean> {
  let isEscaped = false;
  for (let length = 0; length < max + 2; length++) {
    const next = characters.nextIfThere() ?? (yield* characters.next());
    if (next === undefined) return false;
    copy(next);
    if (length > 0 && next === '"' && !isEscaped) return true;
    isEscaped = next === "\\" && !isEscaped;
  }
  return false;
}

/** What a JSON string says; undefined if it is none. */
function textOf(json: string): string | undefined {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** The text of an object out of arguments that are none: a string says it, null says none. */
function objectText(json: string): string {
  if (json === "null") return "{}";
  return json.startsWith('"') ? textOf(json) || "{}" : json;
}
