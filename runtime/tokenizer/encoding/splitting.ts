/**
 * Cutting a text at what a pattern matches, in the five ways of tokenizer.json.
 *
 * @module
 */

/** What becomes of the matches. */
export const BEHAVIORS = [
  "Removed",
  "Isolated",
  "MergedWithPrevious",
  "MergedWithNext",
  "Contiguous",
] as const;

/** One of {@linkcode BEHAVIORS}. */
export type Behavior = (typeof BEHAVIORS)[number];

/** A part of a text, by UTF-16 units; all parts together are the text. */
interface Part {
  start: number;
  end: number;
  readonly isMatch: boolean;
}

/** How a text is cut. */
export interface Splitting {
  /** A global expression in mode v. */
  readonly pattern: RegExp;
  readonly behavior: Behavior;
  /** Whether what does not match counts as the matches. */
  readonly invert: boolean;
}

/** Pieces of a text that are not empty, in order. */
export function split(text: string, { pattern, behavior, invert }: Splitting): string[] {
  const parts = matchParts(text, pattern);
  if (invert) { for (const [i, part] of parts.entries()) parts[i] = { ...part, isMatch: !part.isMatch }; }
  const pieces: string[] = [];
  for (const { start, end, isMatch } of joinParts(parts, behavior)) {
    if (start < end && !(isMatch && behavior === "Removed")) pieces.push(text.slice(start, end));
  }
  return pieces;
}

/**
 * Matches of a global expression as Oniguruma's bindings find them: an empty match directly behind another match does
 * not count, as it does in JavaScript.
 */
export function* findMatches(text: string, pattern: RegExp): Generator<{ start: number; end: number }> {
  let from = 0, lastEnd = -1;
  while (from <= text.length) {
    pattern.lastIndex = from;
    const match = pattern.exec(text);
    if (match === null) return;
    const start = match.index, end = start + match[0].length;
    if (start === end && end === lastEnd) {
      from += (text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1;
      continue;
    }
    yield { start, end };
    from = lastEnd = end;
  }
}

function matchParts(text: string, pattern: RegExp): Part[] {
  const parts: Part[] = [];
  let before = 0;
  for (const { start, end } of findMatches(text, pattern)) {
    if (before < start) parts.push({ start: before, end: start, isMatch: false });
    parts.push({ start, end, isMatch: true });
    before = end;
  }
  if (before < text.length) parts.push({ start: before, end: text.length, isMatch: false });
  return parts;
}

/** Joins neighbours. Empty matches take part, as in the Rust library. */
function joinParts(parts: Part[], behavior: Behavior): readonly Part[] {
  const joins = (part: Part, wasMatch: boolean): boolean =>
    behavior === "Contiguous" ? part.isMatch === wasMatch : part.isMatch && !wasMatch;
  switch (behavior) {
    case "Removed":
    case "Isolated":
      return parts;
    case "Contiguous":
    case "MergedWithPrevious": {
      const joined: Part[] = [];
      let wasMatch = false;
      for (const part of parts) {
        const last = joined.at(-1);
        if (last !== undefined && joins(part, wasMatch)) last.end = part.end;
        else joined.push({ ...part });
        wasMatch = part.isMatch;
      }
      return joined;
    }
    case "MergedWithNext": {
      const joined: Part[] = [];
      let wasMatch = false;
      for (const part of parts.toReversed()) {
        const last = joined.at(-1);
        if (last !== undefined && joins(part, wasMatch)) last.start = part.start;
        else joined.push({ ...part });
        wasMatch = part.isMatch;
      }
      return joined.reverse();
    }
  }
}
