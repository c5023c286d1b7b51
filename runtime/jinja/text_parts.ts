/**
 * Finding, splitting and replacing in texts, as methods of Python's str do it.
 *
 * @module
 */
import { JinjaError } from "./errors.ts";
import {
  checkLength,
  codePointLength,
  codePoints,
  SPACE,
  toCodePointIndex,
  trimEnd,
  trimStart,
} from "./python_text.ts";

const BLANKS = new RegExp(`${SPACE}+`, "u");
const LAST_BLANKS = new RegExp(`${SPACE}+(?!.*${SPACE})`, "su");
// deno-lint-ignore no-control-regex -- what Python takes for ends of lines
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/;

/** `text.split(separator, limit)`; no separator means white space, a negative limit none. */
export function split(text: string, separator: string | undefined, limit: number): string[] {
  if (separator === undefined) return splitAtBlanks(text, limit);
  if (separator === "") throw new JinjaError("ValueError", "empty separator");
  const parts = text.split(separator);
  if (limit < 0 || parts.length <= limit + 1) return parts;
  return [...parts.slice(0, limit), parts.slice(limit).join(separator)];
}

function splitAtBlanks(text: string, limit: number): string[] {
  let rest = trimStart(text);
  if (limit < 0) return rest === "" ? [] : trimEnd(rest).split(new RegExp(BLANKS, "gu"));
  const parts: string[] = [];
  while (rest !== "" && parts.length < limit) {
    const blanks = BLANKS.exec(rest);
    if (blanks === null) break;
    parts.push(rest.slice(0, blanks.index));
    rest = rest.slice(blanks.index + blanks[0].length);
  }
  return rest === "" ? parts : [...parts, rest];
}

/** `text.rsplit(separator, limit)`. */
export function splitFromEnd(text: string, separator: string | undefined, limit: number): string[] {
  if (limit < 0) return split(text, separator, -1);
  if (separator !== undefined) {
    const parts = split(text, separator, -1);
    const numFirst = Math.max(1, parts.length - limit);
    return [parts.slice(0, numFirst).join(separator), ...parts.slice(numFirst)];
  }
  const parts: string[] = [];
  let rest = trimEnd(text);
  while (rest !== "" && parts.length < limit) {
    const blanks = LAST_BLANKS.exec(rest);
    if (blanks === null) break;
    parts.unshift(rest.slice(blanks.index + blanks[0].length));
    rest = trimEnd(rest.slice(0, blanks.index));
  }
  return rest === "" ? parts : [rest, ...parts];
}

/** `text.splitlines(keepEnds)`. */
export function splitLines(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  for (let rest = text; rest !== "";) {
    const end = LINE_END.exec(rest);
    if (end === null) return [...lines, rest];
    const next = end.index + end[0].length;
    lines.push(rest.slice(0, keepEnds ? next : end.index));
    rest = rest.slice(next);
  }
  return lines;
}

/** `text.replace(old, replacement, limit)`; a negative limit is none. */
export function replace(text: string, old: string, replacement: string, limit: number): string {
  const pieces = old === "" ? ["", ...codePoints(text), ""] : text.split(old);
  const times = limit < 0 ? pieces.length - 1 : Math.min(limit, pieces.length - 1);
  checkLength(text.length + times * replacement.length);
  return pieces.slice(0, times + 1).join(replacement) +
    pieces.slice(times + 1).map((piece) => old + piece).join("");
}

/** `text.find(part, start, stop)` or `rfind`; places are code points. */
export function find(text: string, part: string, isLast: boolean, start?: number, stop?: number): number {
  const [cut, offset] = cutOut(text, start, stop);
  if (offset > codePointLength(text)) return -1;
  const index = isLast ? cut.lastIndexOf(part) : cut.indexOf(part);
  return index < 0 ? -1 : offset + toCodePointIndex(cut, index);
}

/** How often a part occurs without overlaps. */
export function count(text: string, part: string, start?: number, stop?: number): number {
  const [cut, offset] = cutOut(text, start, stop);
  if (offset > codePointLength(text)) return 0;
  return part === "" ? codePointLength(cut) + 1 : cut.split(part).length - 1;
}

/** The part of a text between two places, and where it begins. */
export function cutOut(text: string, start = 0, stop?: number): [cut: string, offset: number] {
  if (start === 0 && stop === undefined) return [text, 0];
  const chars = codePoints(text);
  const toIndex = (at: number) => at < 0 ? Math.max(0, at + chars.length) : at;
  const from = toIndex(start);
  const cut = chars.slice(from, Math.max(from, toIndex(stop ?? chars.length)));
  return [typeof cut === "string" ? cut : cut.join(""), from];
}
