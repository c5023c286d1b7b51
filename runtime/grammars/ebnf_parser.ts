/**
 * Parser of EBNF: rules `name ::= body` of strings, classes of characters, groups, alternatives and repetitions.
 *
 * @module
 */
import {
  ALL_CODE_POINTS,
  codePoints,
  complementOf,
  intersectionOf,
  LINE_TERMINATORS,
} from "./code_points.ts";
import { choice, EMPTY, type Expression, NOTHING, oneOf, repeat, sequence, text } from "./expression.ts";
import { findLeftRecursion } from "./left_recursion.ts";

/** Deepest nesting of groups. */
const MAX_DEPTH = 100;
/** Largest bound of a repetition. */
const MAX_REPETITIONS = 10_000;

/** A grammar that is broken; `line` counts from 1. */
export class EbnfError extends Error {
  /** Where the grammar is at fault. */
  readonly line: number;

  /** `message` says what is wrong with it. */
  constructor(message: string, line: number) {
    super(message);
    this.name = "EbnfError";
    this.line = line;
  }
}

/** The rules of a grammar by name; in bodies their names have the prefix `u-`. Throws EbnfError. */
export function parseEbnf(text: string): ReadonlyMap<string, Expression> {
  return new EbnfParser(text).rules();
}

const NAME = /[A-Za-z_.\-][A-Za-z0-9_.\-]*/y;
const SPACE = /(?:[ \t\r\n]|#[^\r\n]*)*/y;
const BOUNDS = /\{\s*([0-9]{1,9})\s*(,\s*([0-9]{1,9})?\s*)?\}/y;
const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  e: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  0: "\0",
};

class EbnfParser {
  readonly #text: string;
  readonly #rules = new Map<string, Expression>();
  readonly #starts = new Map<string, number>();
  readonly #uses = new Map<string, number>();
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  rules(): ReadonlyMap<string, Expression> {
    this.#skip();
    while (this.#at < this.#text.length) this.#rule();
    for (const [name, at] of this.#uses) {
      if (!this.#rules.has(name)) throw this.#error(`rule ${name} is not defined`, at);
    }
    if (!this.#rules.has("root")) throw this.#error("rule root is not defined", 0);
    const recursive = findLeftRecursion(this.#rules, (name) => name.slice("u-".length));
    if (recursive !== undefined) {
      throw this.#error(`rule ${recursive} is left-recursive`, this.#starts.get(recursive));
    }
    return this.#rules;
  }

  #rule(): void {
    const start = this.#at, name = this.#match(NAME);
    if (name === undefined) throw this.#error("a rule begins with its name");
    this.#skip();
    if (!this.#take("::=")) throw this.#error(`::= is missing behind ${name}`);
    if (this.#rules.has(name)) throw this.#error(`rule ${name} is defined twice`, start);
    this.#starts.set(name, start);
    this.#rules.set(name, this.#choices());
    if (this.#at < this.#text.length && !this.#isRuleStart()) throw this.#error("what follows is no rule");
  }

  /** Alternatives up to the end of the rule or group. */
  #choices(): Expression {
    const options = [this.#sequence()];
    while (this.#take("|")) options.push(this.#sequence());
    return choice(...options);
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    for (this.#skip(); !this.#isEnd(); this.#skip()) parts.push(this.#repeated(this.#element()));
    return sequence(...parts);
  }

  #isEnd(): boolean {
    const char = this.#text[this.#at];
    return char === undefined || char === "|" || char === ")" || this.#isRuleStart();
  }

  /** Whether a name and `::=` come next, which end the rule before. */
  #isRuleStart(): boolean {
    const at = this.#at;
    const isStart = this.#match(NAME) !== undefined && (this.#skip(), this.#text.startsWith("::=", this.#at));
    this.#at = at;
    return isStart;
  }

  #element(): Expression {
    const char = this.#text[this.#at]!;
    if (char === '"') return this.#string();
    if (char === "[") return this.#class();
    if (char === "(") return this.#group();
    if (char === "." && !/[A-Za-z0-9_.\-]/.test(this.#text[this.#at + 1] ?? "")) {
      this.#at++;
      return oneOf(complementOf(LINE_TERMINATORS));
    }
    const at = this.#at, name = this.#match(NAME);
    if (name === undefined) throw this.#error(`${JSON.stringify(char)} is not expected`);
    if (name === "TagDispatch") throw this.#error("TagDispatch belongs into a structural tag", at);
    if (!this.#uses.has(name)) this.#uses.set(name, at);
    return { type: "rule", name: `u-${name}` };
  }

  #group(): Expression {
    if (this.#text[this.#at + 1] === "=") throw this.#error("lookahead cannot be enforced");
    if (++this.#depth > MAX_DEPTH) throw this.#error(`groups are nested more than ${MAX_DEPTH} deep`);
    const start = this.#at++;
    const body = this.#choices();
    if (!this.#take(")")) throw this.#error("a group is not closed", start);
    this.#depth--;
    return body;
  }

  #repeated(body: Expression): Expression {
    this.#skip();
    const char = this.#text[this.#at];
    if (char === "*" || char === "+" || char === "?") {
      this.#at++;
      return this.#repeated(char === "?" ? choice(body, EMPTY) : repeat(body, char === "+" ? 1 : 0));
    }
    if (char !== "{") return body;
    const at = this.#at;
    BOUNDS.lastIndex = at;
    const match = BOUNDS.exec(this.#text);
    if (!match) throw this.#error("the bounds of a repetition are broken");
    this.#at = BOUNDS.lastIndex;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === undefined ? undefined : Number(match[3]);
    if (Math.max(min, max ?? 0) > MAX_REPETITIONS) {
      throw this.#error(`a repetition is larger than ${MAX_REPETITIONS}`, at);
    }
    if (max !== undefined && max < min) throw this.#error("the bounds of a repetition are out of order", at);
    return this.#repeated(repeat(body, min, max));
  }

  #string(): Expression {
    const start = this.#at++;
    let value = "";
    for (let char = this.#text[this.#at]; char !== '"'; char = this.#text[this.#at]) {
      if (char === undefined || char === "\n" || char === "\r") {
        throw this.#error("a string is not closed", start);
      }
      value += this.#character();
    }
    this.#at++;
    return /[\ud800-\udfff]/.test(value) && !value.isWellFormed() ? NOTHING : text(value);
  }

  #class(): Expression {
    const start = this.#at++, isNegated = this.#take("^");
    const ranges: [number, number][] = [];
    for (let char = this.#text[this.#at]; char !== "]"; char = this.#text[this.#at]) {
      if (char === undefined || char === "\n" || char === "\r") {
        throw this.#error("a class is not closed", start);
      }
      const first = this.#character(true).codePointAt(0)!;
      if (this.#text[this.#at] !== "-" || [undefined, "]"].includes(this.#text[this.#at + 1])) {
        ranges.push([first, first]);
        continue;
      }
      this.#at++;
      const last = this.#character(true).codePointAt(0)!;
      if (last < first) throw this.#error("a range of a class is out of order");
      ranges.push([first, last]);
    }
    this.#at++;
    const points = intersectionOf(ALL_CODE_POINTS, codePoints(ranges));
    return oneOf(isNegated ? complementOf(points) : points);
  }

  /** The next character of a string or class, whose escape is read. */
  #character(isInClass: boolean = false): string {
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
    if (char !== "\\") {
      this.#at += char.length;
      return char;
    }
    const code = /\\(?:x([0-9A-Fa-f]{1,8})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))/y;
    code.lastIndex = this.#at;
    const match = code.exec(this.#text);
    if (match) {
      const point = parseInt((match[1] ?? match[2] ?? match[3])!, 16);
      if (point > 0x10ffff) throw this.#error("an escape is beyond Unicode");
      this.#at = code.lastIndex;
      return String.fromCodePoint(point);
    }
    const next = this.#text[this.#at + 1] ?? "";
    if (isInClass && /[dDsSwW]/.test(next)) throw this.#error(`\\${next} is not known in a class`);
    const escaped = Object.hasOwn(ESCAPES, next)
      ? ESCAPES[next]
      : /[^A-Za-z0-9\r\n]/.test(next)
      ? next
      : undefined;
    if (escaped === undefined) throw this.#error(`escape \\${next} is not known`);
    this.#at += 2;
    return escaped;
  }

  #skip(): void {
    this.#match(SPACE);
  }

  #take(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) return undefined;
    this.#at = pattern.lastIndex;
    return match[0];
  }

  #lineAt(at: number): number {
    return this.#text.slice(0, at).split(/\r\n|\r|\n/).length;
  }

  #error(message: string, at: number = this.#at): EbnfError {
    return new EbnfError(message, this.#lineAt(at));
  }
}
