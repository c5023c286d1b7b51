/**
 * Character classes and escapes of Oniguruma as JavaScript writes them in mode v.
 *
 * @module
 */
import { RegexError, type RegexSource } from "./regex_source.ts";

/** What `\w` is inside brackets; outside, the digits below are words too. */
const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
const WORD_OUTSIDE = `${WORD}\\u{b2}\\u{b3}\\u{b9}\\u{bc}-\\u{be}`;

/** Word boundaries and others, as expressions. */
export const WORD_BOUNDARY = boundary("");
export const NO_WORD_BOUNDARY = boundary("!");

function boundary(not: "" | "!"): string {
  const word = `[${WORD_OUTSIDE}]`;
  return not === ""
    ? `(?:(?<!${word})(?=${word})|(?<=${word})(?!${word}))`
    : `(?:(?<!${word})(?!${word})|(?<=${word})(?=${word}))`;
}

/** Sets by the letter of their escape. */
const SETS: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  d: "\\p{Nd}",
  h: "0-9a-fA-F",
};

/** Sets by their name in `[[:name:]]`. */
const POSIX: Readonly<Record<string, string>> = {
  alpha: "\\p{Alphabetic}",
  alnum: "\\p{Alphabetic}\\p{Nd}",
  digit: "\\p{Nd}",
  lower: "\\p{Lowercase}",
  upper: "\\p{Uppercase}",
  space: "\\p{White_Space}",
  blank: "\\t\\p{Zs}",
  punct: "\\p{P}\\p{S}",
  cntrl: "\\p{Cc}",
  word: WORD,
  xdigit: "0-9a-fA-F",
};

/** Characters by the letter of their escape. */
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, a: 7, e: 27 };

const CATEGORIES = /^(?:L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfon]?)$/;
const PROPERTIES = new Set(["Alphabetic", "Uppercase", "Lowercase", "White_Space"]);

/** One thing that an escape stands for: a character, or the inside of a class. */
export type Escaped = { readonly character: number } | { readonly set: string; readonly isNegated: boolean };

/** A character, in a class or outside. */
export function literal(codePoint: number): string {
  return `\\u{${codePoint.toString(16)}}`;
}

/** A set as a class of its own. */
export function classOf({ set, isNegated }: { readonly set: string; readonly isNegated: boolean }): string {
  return `[${isNegated ? "^" : ""}${set}]`;
}

/**
 * Reads what follows a backslash, which was taken.
 *
 * @throws {RegexError} if it is anything but a character or a set
 */
export function readEscape(source: RegexSource, { inClass }: { readonly inClass: boolean }): Escaped {
  const letter = source.take();
  const lower = letter.toLowerCase();
  if (lower === "p") return readProperty(source, letter === "P");
  if (lower === "w") return { set: inClass ? WORD : WORD_OUTSIDE, isNegated: letter === "W" };
  if (lower in SETS) return { set: SETS[lower]!, isNegated: letter !== lower };
  if (letter in CONTROLS) return { character: CONTROLS[letter]! };
  if (letter === "b" && inClass) return { character: 8 };
  const hex = letter === "x"
    ? source.match(/\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2})/y)
    : letter === "u"
    ? source.match(/([0-9A-Fa-f]{4})/y)
    : undefined;
  if (hex !== undefined) {
    const codePoint = parseInt(hex[1] ?? hex[2]!, 16);
    if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint < 0xe000)) {
      throw new RegexError(`\\${letter}`);
    }
    return { character: codePoint };
  }
  if (/^[A-Za-z0-9]$/.test(letter)) throw new RegexError(`\\${letter}`);
  return { character: letter.codePointAt(0)! };
}

function readProperty(source: RegexSource, isNegated: boolean): Escaped {
  const [text, not, name] = source.match(/\{(\^?)([A-Za-z_]+)\}/y) ?? [];
  if (name === undefined) throw new RegexError("\\p without a name in braces");
  const property = CATEGORIES.test(name) || PROPERTIES.has(name) ? name : scriptOf(name);
  if (property === undefined) throw new RegexError(`\\p${text}`);
  return { set: `\\p{${property}}`, isNegated: isNegated !== (not === "^") };
}

function scriptOf(name: string): string | undefined {
  if (!/^[A-Z][a-z]{2,}(?:_[A-Z][a-z]+)*$/.test(name)) return undefined;
  try {
    new RegExp(`\\p{Script=${name}}`, "v");
    return `Script=${name}`;
  } catch {
    return undefined;
  }
}

/**
 * Reads a class, whose opening bracket was taken, as a class of JavaScript.
 *
 * @param ignoreCase letters stand for both cases, in what is not a set
 * @throws {RegexError} if it has a range without ends, is empty, or names a set that is unknown
 */
export function readClass(source: RegexSource, ignoreCase: boolean, depth = 0): string {
  if (depth > 16) throw new RegexError("a class in more than 16 others");
  const isNegated = source.skip("^");
  const operands = [""];
  let isFirst = true, hasSet = isNegated;
  const add = (part: string) => operands.push(operands.pop()! + part);
  while (true) {
    if (source.isAtEnd) throw new RegexError("a class without end");
    if (source.peek("]") && !isFirst) break;
    if (source.skip("&&")) {
      if (operands.at(-1) === "") throw new RegexError("&& without operand");
      operands.push("");
      continue;
    }
    isFirst = false;
    const posix = source.match(/\[:(\^?)([a-z]+):\]/y);
    if (posix !== undefined) {
      const set = POSIX[posix[2]!];
      if (set === undefined) throw new RegexError(posix[0]);
      add(classOf({ set, isNegated: posix[1] === "^" }));
      hasSet = true;
      continue;
    }
    if (source.skip("[")) {
      add(readClass(source, ignoreCase, depth + 1));
      hasSet = true;
      continue;
    }
    const from = readMember(source);
    if ("set" in from) {
      add(classOf(from));
      hasSet = true;
      if (source.peek("-") && !source.peek("-]")) throw new RegexError("a range that begins with a set");
      continue;
    }
    const isRange = source.peek("-") && !source.peek("-]") && !source.peek("-&&");
    if (!isRange) {
      if (ignoreCase) checkFolding(from.character);
      add(literal(from.character));
      continue;
    }
    source.take();
    const to = readMember(source);
    if ("set" in to || to.character < from.character) throw new RegexError("a range without end");
    if (source.peek("-") && !source.peek("-]")) throw new RegexError("a range that goes on");
    if (ignoreCase) [from, to].forEach(({ character }) => checkFolding(character));
    add(`${literal(from.character)}-${literal(to.character)}`);
  }
  source.take();
  if (operands.at(-1) === "") throw new RegexError("an empty class");
  if (ignoreCase && hasSet) throw new RegexError("a set of characters that ignores case");
  const sets = operands.length === 1 ? operands[0]! : operands.map((operand) => `[${operand}]`).join("&&");
  return classOf({ set: sets, isNegated });
}

function readMember(source: RegexSource): Escaped {
  const character = source.take();
  return character === "\\"
    ? readEscape(source, { inClass: true })
    : { character: character.codePointAt(0)! };
}

/**
 * Refuses characters that do not fold as JavaScript folds them, whatever stands beside them.
 *
 * @throws {RegexError} for those beyond ASCII
 */
export function checkFolding(character: number): void {
  if (character > 0x7f) throw new RegexError(`${String.fromCodePoint(character)} where case is ignored`);
}
