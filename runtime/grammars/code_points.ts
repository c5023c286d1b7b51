/**
 * Sets of Unicode code points as sorted ranges: the characters that a class of a regular expression or a JSON string
 * may have.
 *
 * @module
 */

/** Sorted, disjoint, not adjacent: first and last code point of each range. Surrogates are in no set. */
export type CodePoints = readonly (readonly [first: number, last: number])[];

/** The last code point. */
const LAST = 0x10ffff;

/** What text in UTF-8 may have. */
export const ALL_CODE_POINTS: CodePoints = [[0, 0xd7ff], [0xe000, LAST]];

/** All code points of ASCII. */
export const ASCII: CodePoints = [[0, 0x7f]];

/** All code points beyond ASCII. */
export const NOT_ASCII: CodePoints = [[0x80, 0xd7ff], [0xe000, LAST]];

/** The set of ranges in any order, which may overlap. */
export function codePoints(ranges: Iterable<readonly [number, number]>): CodePoints {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [first, last] of sorted) {
    const previous = merged.at(-1);
    if (previous && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else merged.push([first, last]);
  }
  // Adjacent ranges were joined across the surrogates by the input only.
  return withoutSurrogates(merged);
}

function withoutSurrogates(ranges: readonly (readonly [number, number])[]): CodePoints {
  if (!ranges.some(([first, last]) => first <= 0xdfff && last >= 0xd800)) return ranges;
  const kept: [number, number][] = [];
  for (const [first, last] of ranges) {
    if (first < 0xd800) kept.push([first, Math.min(last, 0xd7ff)]);
    if (last > 0xdfff) kept.push([Math.max(first, 0xe000), last]);
  }
  return kept;
}

/** The set of the characters of a text. */
export function codePointsOf(text: string): CodePoints {
  return codePoints(Array.from(text, (char) => {
    const point = char.codePointAt(0)!;
    return [point, point] as const;
  }));
}

/** What is in either set. */
export function unionOf(a: CodePoints, b: CodePoints): CodePoints {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  return codePoints([...a, ...b]);
}

/** What is not in the set. */
export function complementOf(set: CodePoints): CodePoints {
  const ranges: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) ranges.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST) ranges.push([next, LAST]);
  return withoutSurrogates(ranges);
}

/** What is in both sets. */
export function intersectionOf(a: CodePoints, b: CodePoints): CodePoints {
  const ranges: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const first = Math.max(a[i]![0], b[j]![0]), last = Math.min(a[i]![1], b[j]![1]);
    if (first <= last) ranges.push([first, last]);
    if (a[i]![1] < b[j]![1]) i++;
    else j++;
  }
  return ranges;
}

/** What is in `a` and not in `b`. */
export function differenceOf(a: CodePoints, b: CodePoints): CodePoints {
  return intersectionOf(a, complementOf(b));
}

/** Whether a code point is in the set. */
export function hasCodePoint(set: CodePoints, point: number): boolean {
  let low = 0, high = set.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (set[middle]![1] < point) low = middle + 1;
    else high = middle;
  }
  return low < set.length && set[low]![0] <= point;
}

/** Whether both have the same code points. */
export function sameCodePoints(a: CodePoints, b: CodePoints): boolean {
  return a.length === b.length && a.every(([first, last], i) => first === b[i]![0] && last === b[i]![1]);
}

/** `[0-9]`. */
export const DIGITS: CodePoints = [[0x30, 0x39]];

/** `\w` of ECMAScript. */
export const WORD: CodePoints = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];

/** `\s` of ECMAScript: white space and line terminators. */
export const SPACE: CodePoints = codePoints([
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]);

/** What `.` does not match. */
export const LINE_TERMINATORS: CodePoints = [[0x0a, 0x0a], [0x0d, 0x0d], [0x2028, 0x2029]];

/** Every code point once, in order, to read the ranges of a Unicode property off matches. */
let everyCharacter: string | undefined;

/** The set of `\p{name}` or `\p{key=value}`, whose spelling the regular-expression parser has checked. */
export function unicodeProperty(property: string): CodePoints {
  const known = properties.get(property);
  if (known) return known;
  everyCharacter ??= allCharacters();
  const ranges: [number, number][] = [];
  for (const match of everyCharacter.matchAll(new RegExp(`\\p{${property}}+`, "gu"))) {
    ranges.push([pointAt(match.index), pointAt(match.index + match[0].length) - 1]);
  }
  const set = withoutSurrogates(ranges);
  properties.set(property, set);
  return set;
}

const properties = new Map<string, CodePoints>();

const NUM_BASIC = 0x10000 - 0x800;

function pointAt(index: number): number {
  if (index < 0xd800) return index;
  if (index < NUM_BASIC) return index + 0x800;
  return 0x10000 + (index - NUM_BASIC) / 2;
}

function allCharacters(): string {
  const parts: string[] = [];
  for (const [first, last] of ALL_CODE_POINTS) {
    for (let start = first; start <= last; start += 4096) {
      const length = Math.min(4096, last - start + 1);
      parts.push(String.fromCodePoint(...Array.from({ length }, (_, i) => start + i)));
    }
  }
  return parts.join("");
}
