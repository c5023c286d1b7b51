/**
 * Regular expressions of tokenizer.json, which are Oniguruma's, as JavaScript's: the same matches for every text. What
 * cannot be said exactly is refused. Oniguruma's characters are those of the Unicode version that V8 has, which a test
 * compares.
 *
 * @module
 */
import {
  checkFolding,
  classOf,
  literal,
  NO_WORD_BOUNDARY,
  readClass,
  readEscape,
  WORD_BOUNDARY,
} from "./regex_class.ts";
import { RegexError, RegexSource } from "./regex_source.ts";
import type { Refuse } from "./step.ts";

/** Ends of texts and lines; at the end of a text no line begins. */
const ANCHORS: Readonly<Record<string, string>> = {
  "^": "(?:(?<![^])|(?<=\\n)(?=[^]))",
  "$": "(?=\\n|(?![^]))",
  "\\A": "(?<![^])",
  "\\z": "(?![^])",
  "\\Z": "(?=\\n?(?![^]))",
  "\\b": WORD_BOUNDARY,
  "\\B": NO_WORD_BOUNDARY,
};

/** ASCII letters that fold to one character together, such as the ligature of f and i. */
const FOLDED_TOGETHER = /ss|ff|fi|fl|st/;

/**
 * The global expression, in mode v, that matches what Oniguruma matches.
 *
 * @throws {LoadError} naming the part that JavaScript cannot express
 */
export function translateRegex(pattern: string, refuse: Refuse): RegExp {
  try {
    return new RegExp(new Translation(pattern).translated, "gv");
  } catch (error) {
    if (!(error instanceof RegexError) && !(error instanceof SyntaxError)) throw error;
    throw refuse(
      `has a regular expression that is not supported: ${error.message} in ${JSON.stringify(pattern)}`,
    );
  }
}

/** The expression that matches a text as it is. */
export function textRegex(text: string): RegExp {
  return new RegExp([...text].map((character) => literal(character.codePointAt(0)!)).join(""), "gv");
}

class Translation {
  readonly translated: string;
  readonly #source: RegexSource;
  #numAtomic = 0;
  #depth = 0;
  #inLookbehind = 0;

  constructor(pattern: string) {
    this.#source = new RegexSource(pattern);
    const ignoreCase = this.#source.skip("(?i)");
    const whole = this.#alternatives(ignoreCase);
    if (!this.#source.isAtEnd) throw new RegexError("a ) without (");
    this.translated = ignoreCase ? `(?i:${whole})` : whole;
  }

  #alternatives(ignoreCase: boolean): string {
    if (++this.#depth > 64) throw new RegexError("more than 64 groups in each other");
    const branches = [this.#branch(ignoreCase)];
    while (this.#source.skip("|")) branches.push(this.#branch(ignoreCase));
    this.#depth--;
    return branches.join("|");
  }

  #branch(ignoreCase: boolean): string {
    let translated = "", letters = "";
    while (!this.#source.isAtEnd && !this.#source.peek("|") && !this.#source.peek(")")) {
      const atom = this.#atom(ignoreCase);
      if (ignoreCase) {
        letters = atom.letter === undefined ? "" : letters + atom.letter.toLowerCase();
        if (FOLDED_TOGETHER.test(letters)) throw new RegexError(`${letters} where case is ignored`);
      }
      translated += this.#quantified(atom);
    }
    return translated;
  }

  #atom(ignoreCase: boolean): Atom {
    const source = this.#source;
    const anchor = Object.keys(ANCHORS).find((text) => source.skip(text));
    if (anchor !== undefined) return { text: ANCHORS[anchor]!, isEmpty: true };
    const character = source.take();
    switch (character) {
      case "(":
        return this.#group(ignoreCase);
      case "[":
        return { text: readClass(source, ignoreCase) };
      case ".":
        return { text: "[^\\n]" };
      case "*":
      case "+":
      case "?":
        throw new RegexError(`${character} with nothing before it`);
      case "\\": {
        const escaped = readEscape(source, { inClass: false });
        if ("character" in escaped) return letterAtom(escaped.character, ignoreCase);
        if (ignoreCase) throw new RegexError("a set of characters that ignores case");
        return { text: classOf(escaped) };
      }
      default:
        return letterAtom(character.codePointAt(0)!, ignoreCase);
    }
  }

  #group(ignoreCase: boolean): Atom {
    const source = this.#source;
    const opening = source.match(/\?(?:i:|[:>=!]|<[=!])/y)?.[0] ?? "";
    if (opening === "" && source.peek("?")) throw new RegexError("a group of another kind");
    const looksBack = opening.startsWith("?<") ? 1 : 0;
    this.#inLookbehind += looksBack;
    const inside = this.#alternatives(ignoreCase || opening === "?i:");
    this.#inLookbehind -= looksBack;
    if (!source.skip(")")) throw new RegexError("a ( without )");
    switch (opening) {
      case "?>":
        return { text: this.#atomic(inside) };
      case "":
      case "?:":
        return { text: `(?:${inside})` };
      case "?i:":
        return { text: `(?i:${inside})` };
      default:
        return { text: `(${opening}${inside})`, isEmpty: true };
    }
  }

  /** What matches is not matched in another way: a lookahead is left for good. */
  #atomic(inside: string): string {
    // Lookbehind is matched from its end, so that the name would be read before it is bound.
    if (this.#inLookbehind > 0) throw new RegexError("a group in lookbehind that is matched in one way only");
    const name = `a${this.#numAtomic++}`;
    return `(?:(?=(?<${name}>${inside}))\\k<${name}>)`;
  }

  #quantified({ text, isEmpty = false }: Atom): string {
    const source = this.#source;
    let quantifier = source.match(/[*+?]/y)?.[0];
    if (quantifier !== undefined) {
      if (isEmpty) throw new RegexError(`${quantifier} after what is empty`);
      if (source.skip("+")) text = this.#atomic(text + quantifier);
      else text += quantifier + (source.skip("?") ? "?" : "");
    } else {
      const range = source.match(/\{(\d*)(,?)(\d*)\}/y);
      if (range === undefined) return text;
      const [whole, least, comma, most] = range;
      if (least === "" && most === "") {
        return text + [...whole!].map((c) => literal(c.codePointAt(0)!)).join("");
      }
      if (isEmpty || Number(least) > 1000 || Number(most) > 1000) throw new RegexError(whole!);
      quantifier = `{${least || 0}${comma}${most}}`;
      text += quantifier;
      if (source.skip("+")) text = `(?:${text})+`;
      else if (comma !== "" && source.skip("?")) text += "?";
    }
    if (source.match(/[*+?]|\{\d*,?\d*\}/y) !== undefined) {
      throw new RegexError("a quantifier after another one");
    }
    return text;
  }
}

interface Atom {
  readonly text: string;
  /** An ASCII letter on its own. */
  readonly letter?: string;
  /** Whether it matches between characters. */
  readonly isEmpty?: boolean;
}

function letterAtom(character: number, ignoreCase: boolean): Atom {
  if (!ignoreCase) return { text: literal(character) };
  checkFolding(character);
  return { text: literal(character), letter: String.fromCharCode(character) };
}
