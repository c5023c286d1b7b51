/**
 * JSON to values of templates, as Python's `json.loads` reads it: whole numbers of any length, numbers with a point as
 * floats, keys in their order.
 *
 * @module
 */
import { makeDict } from "./compare.ts";
import type { Value } from "./values.ts";

const TOKEN =
  /[ \t\n\r]*(?:([[\]{},:])|("(?:[^"\\]|\\[^])*")|(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|(true|false|null))/y;

/**
 * The value of a JSON text.
 *
 * @throws {SyntaxError} if it is none
 */
export function readJson(text: string): Value {
  JSON.parse(text);
  return new Reader(text).read();
}

/** Reads a text that is known to be JSON. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Value {
    const token = this.#next();
    if (token === "[") return this.#readItems("]", () => this.read());
    if (token === "{") return makeDict(this.#readItems("}", () => this.#readEntry()));
    if (token.startsWith('"')) return JSON.parse(token);
    if (token === "null") return null;
    if (token === "true" || token === "false") return token === "true";
    return /[.eE]/.test(token) ? Number(token) : BigInt(token);
  }

  #next(): string {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (match === null) throw new SyntaxError(`Unexpected text at ${this.#at}`);
    this.#at += match[0].length;
    return match[0].trimStart();
  }

  #readItems<Item>(end: string, read: () => Item): Item[] {
    const items: Item[] = [];
    for (let start = this.#at, token = this.#next(); token !== end; token = this.#next()) {
      if (token !== ",") this.#at = start;
      items.push(read());
      start = this.#at;
    }
    return items;
  }

  #readEntry(): readonly [Value, Value] {
    const key = this.read();
    this.#next();
    return [key, this.read()];
  }
}
