/**
 * Python's view of text: code points instead of UTF-16 units, its own white space, and `repr`.
 *
 * @module
 */
import { JinjaError } from "./errors.ts";

/** Source of a pattern (with flag u) for what Python's `str.isspace` calls white space; JavaScript's set differs. */
export const SPACE =
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";

const LEADING = new RegExp(`^${SPACE}+`, "u");
const IS_SPACE = new RegExp(`^${SPACE}$`, "u");

/** Longest text that a template may make in one go, in UTF-16 units. */
export const MAX_TEXT = 64 * 1024 * 1024;

/** Refuses a text before it is made. */
export function checkLength(length: number): void {
  if (length > MAX_TEXT) {
    throw new JinjaError("LimitError", `the template makes a text of ${length} characters`);
  }
}

/** `text.lstrip(chars)`. */
export function trimStart(text: string, chars?: string): string {
  if (chars === undefined) return text.replace(LEADING, "");
  const set = new Set(chars);
  let at = 0;
  while (at < text.length) {
    const char = String.fromCodePoint(text.codePointAt(at)!);
    if (!set.has(char)) break;
    at += char.length;
  }
  return text.slice(at);
}

/** `text.rstrip(chars)`; reads no more of the text than it takes away. */
export function trimEnd(text: string, chars?: string): string {
  const set = chars === undefined ? undefined : new Set(chars);
  let end = text.length;
  while (end > 0) {
    const isPair = end > 1 && /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(end - 2, end));
    const char = text.slice(isPair ? end - 2 : end - 1, end);
    if (!(set?.has(char) ?? IS_SPACE.test(char))) break;
    end -= char.length;
  }
  return text.slice(0, end);
}

/** The text with the decimal digits of all scripts as those of ASCII. */
export function withAsciiDigits(text: string): string {
  return text.replaceAll(/\p{Nd}/gu, (char) => String(digitOf(char)));
}

/** Scripts have their digits in runs of ten. */
function digitOf(char: string): number {
  const code = char.codePointAt(0)!;
  let start = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(start - 1))) start--;
  return (code - start) % 10;
}

/** `text.strip(chars)`. */
export function trim(text: string, chars?: string): string {
  return trimEnd(trimStart(text, chars), chars);
}

/** Whether there are no surrogates, so that units are code points. */
function isPlain(text: string): boolean {
  return !/[\ud800-\udfff]/.test(text);
}

/** `len(text)`. */
export function codePointLength(text: string): number {
  if (isPlain(text)) return text.length;
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** The text as a list of indexable characters: itself where units are code points. */
export function codePoints(text: string): string | string[] {
  return isPlain(text) ? text : [...text];
}

/** The number of code points before a UTF-16 index. */
export function toCodePointIndex(text: string, index: number): number {
  return index < 0 ? index : codePointLength(text.slice(0, index));
}

/** Order of texts by code points: below zero if a is before b. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    // A surrogate stands for a code point above all that are one unit.
    const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;
    if (isHigh(x) !== isHigh(y)) return isHigh(x) ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

const NOT_PRINTABLE = /[\p{C}\p{Z}\\']/u;

/** `repr(text)`. */
export function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  if (!NOT_PRINTABLE.test(text)) return `${quote}${text}${quote}`;
  let body = "";
  for (const char of text) body += reprChar(char, quote);
  return `${quote}${body}${quote}`;
}

const SHORT: ReadonlyMap<string, string> = new Map([["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"], [
  "\\",
  "\\\\",
]]);

function reprChar(char: string, quote: string): string {
  if (char === quote) return `\\${quote}`;
  const short = SHORT.get(char);
  if (short !== undefined) return short;
  if (char === " " || !/[\p{C}\p{Z}]/u.test(char)) return char;
  const code = char.codePointAt(0)!;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** `repr` of a float: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on. */
export function reprFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [digits, exponentText] = value.toExponential().split("e") as [string, string];
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const text = exponent < 0
    ? value.toFixed(digits.replace(/[-.]/g, "").length - 1 - exponent)
    : String(value);
  return text.includes(".") ? text : `${text}.0`;
}
