/**
 * Jinja text to tokens, with `trim_blocks` and `lstrip_blocks` as transformers sets them. The rules for white space are
 * those of jinja2's lexer (https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control).
 *
 * @module
 */
import { JinjaError } from "./errors.ts";
import { readString } from "./string_literal.ts";
import { SPACE, trimEnd } from "./python_text.ts";

/** What a token is. Operators are their own text. */
export type TokenKind =
  | "data"
  | "block_begin"
  | "block_end"
  | "variable_begin"
  | "variable_end"
  | "name"
  | "string"
  | "integer"
  | "float"
  | "operator"
  | "eof";

/** A token with the line that it begins in, from 1. */
export interface Token {
  readonly kind: TokenKind;
  /** Text of data, names, operators and strings (without quotes and escapes); digits of numbers. */
  readonly text: string;
  readonly line: number;
}

const BEGIN = pattern(String.raw`\{%([-+]?)\s*raw\s*(?:-%\}\s*|%\})|\{\{([-+]?)|\{#([-+]?)|\{%([-+]?)`, "g");
const COMMENT_END = pattern(String.raw`\+#\}|-#\}\s*|#\}\n?`, "g");
const RAW_END = pattern(String.raw`\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\}\n?)`, "g");
const BLOCK_END = pattern(String.raw`\+%\}|-%\}\s*|%\}\n?`, "y");
const VARIABLE_END = pattern(String.raw`-\}\}\s*|\}\}`, "y");
const BLANK = new RegExp(`${SPACE}+`, "yu");
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[-+]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iyu;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iyu;
const NAME = /[\p{L}\p{M}\p{N}_]+/yu;
const STRING = /'[^'\\]*(?:\\[^][^'\\]*)*'|"[^"\\]*(?:\\[^][^"\\]*)*"/yu;
const OPERATOR = /\*\*|\/\/|==|!=|>=|<=|[-+/*%~[\](){}<>=.:|,;]/yu;
const CLOSING: ReadonlyMap<string, string> = new Map([["{", "}"], ["(", ")"], ["[", "]"]]);
const ONLY_BLANK = new RegExp(`^${SPACE}+$`, "u");

/**
 * The tokens of a template, `eof` last.
 *
 * @throws {JinjaError} TemplateSyntaxError
 */
export function tokenize(template: string): Token[] {
  return new Lexer(template.replaceAll(/\r\n?/g, "\n").replace(/\n$/, "")).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  /** The last match ended with a line break, or nothing was matched yet. */
  #startsLine = true;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Token[] {
    for (;;) {
      BEGIN.lastIndex = this.#at;
      const begin = BEGIN.exec(this.#source);
      if (begin === null) break;
      const [match, rawSign, variableSign, commentSign, blockSign] = begin;
      const sign = rawSign ?? variableSign ?? commentSign ?? blockSign;
      this.#pushData(begin.index, sign, variableSign === undefined);
      this.#skip(match);
      if (rawSign !== undefined) this.#readRaw();
      else if (commentSign !== undefined) this.#readComment();
      else if (variableSign !== undefined) this.#readTag("variable", VARIABLE_END);
      else this.#readTag("block", BLOCK_END);
    }
    this.#push("data", this.#source.slice(this.#at));
    this.#tokens.push({ kind: "eof", text: "", line: this.#line });
    return this.#tokens;
  }

  /** The text up to a tag at `end`, without the white space that the tag takes away. */
  #pushData(end: number, sign: string | undefined, stripsLine: boolean): void {
    const text = this.#source.slice(this.#at, end);
    let kept = text;
    if (sign === "-") kept = trimEnd(text);
    else if (sign !== "+" && stripsLine) {
      const lineStart = text.lastIndexOf("\n") + 1;
      if ((lineStart > 0 || this.#startsLine) && ONLY_BLANK.test(text.slice(lineStart))) {
        kept = text.slice(0, lineStart);
      }
    }
    this.#push("data", kept);
    this.#line += countLines(text);
    this.#at = end;
  }

  #skip(match: string): void {
    this.#at += match.length;
    this.#line += countLines(match);
    this.#startsLine = match.endsWith("\n");
  }

  #push(kind: TokenKind, text: string): void {
    if (text !== "" || kind !== "data") this.#tokens.push({ kind, text, line: this.#line });
  }

  #readRaw(): void {
    RAW_END.lastIndex = this.#at;
    const end = RAW_END.exec(this.#source);
    // Like jinja2, nothing needs no end.
    if (end === null && this.#at === this.#source.length) return;
    if (end === null) throw this.#error("Missing end of raw directive");
    this.#pushData(end.index, end[1], true);
    this.#skip(end[0]);
  }

  #readComment(): void {
    COMMENT_END.lastIndex = this.#at;
    const end = COMMENT_END.exec(this.#source);
    if (end === null && this.#at === this.#source.length) return;
    if (end === null) throw this.#error("Missing end of comment tag");
    this.#skip(this.#source.slice(this.#at, end.index + end[0].length));
  }

  #readTag(tag: "variable" | "block", end: RegExp): void {
    const open: string[] = [];
    this.#push(`${tag}_begin`, "");
    for (;;) {
      const closing = open.length === 0 ? this.#match(end) : undefined;
      if (closing !== undefined) {
        this.#push(`${tag}_end`, "");
        return this.#skip(closing);
      }
      const blank = this.#match(BLANK);
      if (blank !== undefined) this.#skip(blank);
      else this.#readToken(open);
    }
  }

  #readToken(open: string[]): void {
    const read = (kind: TokenKind, pattern: RegExp, textOf = (match: string) => match) => {
      const match = this.#match(pattern);
      if (match === undefined) return undefined;
      this.#push(kind, textOf(match));
      this.#skip(match);
      return match;
    };
    if (read("float", FLOAT, (match) => match.replaceAll("_", "")) !== undefined) return;
    if (read("integer", INTEGER, (match) => match.replaceAll("_", "")) !== undefined) return;
    const name = read("name", NAME);
    if (name !== undefined) {
      if (/^\p{N}/u.test(name)) throw this.#error("Invalid character in identifier");
      return;
    }
    if (read("string", STRING, (match) => readString(match.slice(1, -1))) !== undefined) return;
    const operator = read("operator", OPERATOR);
    if (operator === undefined) {
      const char = this.#source[this.#at];
      throw this.#error(char === undefined ? "unexpected end of template" : `unexpected char '${char}'`);
    }
    const closing = CLOSING.get(operator);
    if (closing !== undefined) open.push(closing);
    else if (["}", ")", "]"].includes(operator)) {
      const expected = open.pop();
      if (expected !== operator) {
        throw this.#error(`unexpected '${operator}'` + (expected ? `, expected '${expected}'` : ""));
      }
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#source)?.[0];
  }

  #error(message: string): JinjaError {
    return new JinjaError("TemplateSyntaxError", `${message} (line ${this.#line})`);
  }
}

/** A pattern in which `\\s` is Python's white space. */
function pattern(source: string, flag: string): RegExp {
  return new RegExp(source.replaceAll("\\s", SPACE), `${flag}u`);
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}
