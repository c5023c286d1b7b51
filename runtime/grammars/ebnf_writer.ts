/**
 * Writes expressions as EBNF of web-xgrammar 0.1.27, in the forms that it compiles exactly and fast. What its sources
 * and experiments say:
 *
 * - A class of characters takes the low byte of what lies beyond ASCII: `[é]` is the byte E9. So such characters are
 *   written as classes of their UTF-8 bytes. A negated class takes every character beyond ASCII.
 * - `*` on a class is a loop inside of an automaton; on anything else it is a right-recursive rule, across which every
 *   token is checked when the mask is filled. So loops are classes where they can be.
 * - `{m,n}` is unrolled into all its lengths, which takes minutes to compile for long strings; chains of rules do not.
 *
 * @module
 */
import { InvalidRequestError } from "../contracts/errors.ts";
import {
  ASCII,
  type CodePoints,
  codePoints,
  complementOf,
  intersectionOf,
  NOT_ASCII,
  sameCodePoints,
} from "./code_points.ts";
import { type Expression, isNothing } from "./expression.ts";
import { byteSequences } from "./utf8_ranges.ts";

/** Characters that a grammar may have; what is larger is refused, since it would compile for minutes. */
export const MAX_GRAMMAR_LENGTH = 1_000_000;

/** Repetitions of `{m,n}` that xgrammar writes out. */
const UNROLLED = 15;

/** Longest chain of rules for a bounded repetition of a class; beyond, the matcher's counter compiles faster. */
const LONGEST_CHAIN = 64;

/** Grammar under construction: rules by name, the first one is the start. */
export class EbnfWriter {
  readonly #rules = new Map<string, string>();
  /** Rules of bodies that several places share, by their text. */
  readonly #shared = new Map<string, string>();
  readonly #param: string;
  #length = 0;

  /** `param` is the request field to name when the grammar gets too large. */
  constructor(param: string) {
    this.#param = param;
  }

  /** Adds a rule; the grammar has them in the order in which they were added. */
  rule(name: string, body: Expression): void {
    this.#set(name, this.#choices(body));
  }

  /** The grammar. Throws InvalidRequestError if it is too large. */
  text(): string {
    return [...this.#rules].map(([name, body]) => `${name} ::= ${body}\n`).join("");
  }

  #set(name: string, body: string): void {
    this.#rules.set(name, body);
    this.#grow(name.length + body.length);
  }

  #grow(length: number): void {
    this.#length += length;
    if (this.#length > MAX_GRAMMAR_LENGTH) {
      throw new InvalidRequestError(
        `${this.#param} is too large: its grammar has more than ${MAX_GRAMMAR_LENGTH} characters`,
        this.#param,
      );
    }
  }

  /** Rule with this body: one rule for all that ask for the same. */
  #share(body: string): string {
    const known = this.#shared.get(body);
    if (known !== undefined) return known;
    const name = `r${this.#shared.size}`;
    this.#shared.set(body, name);
    this.#set(name, body);
    return name;
  }

  #choices(expression: Expression): string {
    if (expression.type !== "choice") return this.#element(expression);
    if (isNothing(expression)) throw new RangeError("Cannot write an expression without texts");
    return expression.options.map((option) => this.#element(option)).join(" | ");
  }

  #element(expression: Expression): string {
    switch (expression.type) {
      case "text":
        return quote(expression.text);
      case "set":
        return this.#one(expression.set);
      case "sequence":
        return expression.parts.map((part) => this.#element(part)).join(" ");
      case "choice":
        return this.#share(this.#choices(expression));
      case "repeat":
        return this.#repeat(expression);
      case "rule":
        return expression.name;
    }
  }

  #one(set: CodePoints): string {
    if (isLoop(set)) return characterClass(set);
    const options: string[] = [];
    const ascii = intersectionOf(set, ASCII);
    if (ascii.length > 0) options.push(characterClass(ascii));
    for (const bytes of byteSequences(intersectionOf(set, NOT_ASCII))) {
      options.push(bytes.map(byteClass).join(" "));
    }
    return options.length === 1 ? options[0]! : this.#share(options.join(" | "));
  }

  #repeat({ body, min, max }: Expression & { type: "repeat" }): string {
    const once = body.type === "set" && isLoop(body.set)
      ? characterClass(body.set)
      : body.type === "rule"
      ? body.name
      : this.#share(this.#choices(body));
    const parts: string[] = [];
    const isCounted = max !== undefined && max - min > LONGEST_CHAIN && once.startsWith("[");
    if (isCounted) return this.#counted(once, min, max);
    this.#grow(min * (once.length + 1));
    for (let i = 0; i < min; i++) parts.push(once);
    if (max === undefined) parts.push(this.#any(body, once));
    else if (max > min) parts.push(this.#upTo(once, max - min));
    return parts.join(" ");
  }

  #any(body: Expression, once: string): string {
    if (body.type !== "set") return `${once}*`;
    if (isLoop(body.set)) return `${once}*`;
    const { loop, rest } = splitLoop(body.set);
    if (loop.length === 0) return `${once}*`;
    const looped = `[${codePoints(loop).map(([first, last]) => range(first, last)).join("")}]*`;
    return rest.length === 0 ? looped : `${looped} ${this.#share(`${this.#one(rest)} ${looped}`)}*`;
  }

  /** A class between `min` and `max` times, which the matcher counts; what is shorter than it unrolls is a chain. */
  #counted(once: string, min: number, max: number): string {
    const counted = `${once}{${Math.max(min, UNROLLED)},${max}}`;
    if (min >= UNROLLED) return counted;
    const short = Array.from({ length: min }, () => once).concat(this.#upTo(once, UNROLLED - 1 - min));
    return this.#share(`${counted} | ${short.join(" ")}`);
  }

  /** Up to `times` times `once`: a chain of rules, each with the rest of the chain in it. */
  #upTo(once: string, times: number): string {
    let name = this.#share(`"" | ${once}`);
    for (let i = 1; i < times; i++) name = this.#share(`"" | ${once} ${name}`);
    return name;
  }
}

/** Whether a class without bytes means the set exactly, so that `*` on it is a loop. */
function isLoop(set: CodePoints): boolean {
  return set.at(-1)![1] < 0x80 || sameCodePoints(intersectionOf(set, NOT_ASCII), NOT_ASCII);
}

function characterClass(set: CodePoints): string {
  const isNegated = set.at(-1)![1] >= 0x80;
  const ascii = isNegated ? intersectionOf(complementOf(set), ASCII) : set;
  if (isNegated && ascii.length === 0) return `[^]`;
  return `[${isNegated ? "^" : ""}${ascii.map(([first, last]) => range(first, last)).join("")}]`;
}

/**
 * Bytes over which a loop may run, and the characters that remain: a loop takes lead bytes whose characters are all in
 * the set, and any continuation byte, which in UTF-8 belongs to one of them.
 */
function splitLoop(set: CodePoints): { loop: [number, number][]; rest: CodePoints } {
  const loop: [number, number][] = intersectionOf(set, ASCII).map(([first, last]) => [first, last]);
  const beyond = intersectionOf(set, NOT_ASCII);
  const whole: [number, number][] = [];
  for (let lead = 0xc2; lead <= 0xf4; lead++) {
    const characters = ofLead(lead);
    if (!sameCodePoints(intersectionOf(beyond, characters), characters)) continue;
    loop.push([lead, lead]);
    whole.push(...characters.map(([first, last]) => [first, last] as [number, number]));
  }
  if (whole.length === 0) return { loop, rest: beyond };
  loop.push([0x80, 0xbf]);
  return { loop, rest: intersectionOf(beyond, complementOf(codePoints(whole))) };
}

/** The characters whose UTF-8 begins with a byte. */
function ofLead(lead: number): CodePoints {
  const bits = lead < 0xe0 ? 6 : lead < 0xf0 ? 12 : 18;
  const first = (lead & (lead < 0xe0 ? 0x1f : lead < 0xf0 ? 0x0f : 0x07)) << bits;
  // Shorter sequences have the smaller characters.
  const least = lead < 0xe0 ? 0x80 : lead < 0xf0 ? 0x800 : 0x10000;
  return intersectionOf([[Math.max(first, least), first + (1 << bits) - 1]], NOT_ASCII);
}

/** A class of one element becomes that character, so that one byte stands there twice. */
function byteClass([first, last]: readonly [number, number]): string {
  return first === last ? `[${escaped(first)}${escaped(first)}]` : `[${range(first, last)}]`;
}

function range(first: number, last: number): string {
  return first === last ? escaped(first) : `${escaped(first)}-${escaped(last)}`;
}

/** A text as a string literal. */
function quote(text: string): string {
  let quoted = '"';
  for (const char of text) {
    const point = char.codePointAt(0)!;
    if (char === '"' || char === "\\") quoted += `\\${char}`;
    else quoted += point < 0x20 || point === 0x7f ? numbered(point) : char;
  }
  return `${quoted}"`;
}

/** A character or byte of a class. */
function escaped(point: number): string {
  const char = String.fromCharCode(point);
  if ("]\\^-".includes(char)) return `\\${char}`;
  return point < 0x20 || point > 0x7e ? numbered(point) : char;
}

/** With `\\u`, since `\\x` takes as many hexadecimal digits as follow. */
function numbered(point: number): string {
  return `\\u${point.toString(16).padStart(4, "0")}`;
}
