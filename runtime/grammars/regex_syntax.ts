/**
 * The syntax of regular expressions of ECMAScript, within bounds that keep its parser short.
 *
 * @module
 */
import { type AST, RegExpParser } from "@eslint-community/regexpp";

/** Longest pattern, in UTF-16 units. */
export const MAX_PATTERN_LENGTH = 10_000;
/** Deepest nesting of groups. */
export const MAX_PATTERN_DEPTH = 100;

/** A pattern that is broken or has no grammar; `offset` counts UTF-16 units. */
export class PatternError extends Error {
  /** Where the pattern is at fault. */
  readonly offset: number;

  /** `message` says what is wrong with it. */
  constructor(message: string, offset: number) {
    super(message);
    this.name = "PatternError";
    this.offset = offset;
  }
}

/** Parses with the flag `u`, or without it what only then is a pattern (`\-`, `[\w-.]`). */
export function parsePattern(pattern: string): AST.Pattern {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new PatternError(`it has more than ${MAX_PATTERN_LENGTH} characters`, MAX_PATTERN_LENGTH);
  }
  checkDepth(pattern);
  const parser = new RegExpParser({ ecmaVersion: 2025 });
  try {
    return parser.parsePattern(pattern, 0, pattern.length, { unicode: true });
  } catch (error) {
    try {
      return parser.parsePattern(pattern, 0, pattern.length, { unicode: false });
    } catch {
      const { message, index } = error as Error & { index: number };
      throw new PatternError(message.split(": ").at(-1)!.toLowerCase(), index);
    }
  }
}

/** The parser descends with the groups: a pattern with too many is refused before. */
function checkDepth(pattern: string): void {
  let depth = 0, isInClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i];
    if (char === "\\") i++;
    else if (isInClass) isInClass = char !== "]";
    else if (char === "[") isInClass = true;
    else if (char === "(" && ++depth > MAX_PATTERN_DEPTH) {
      throw new PatternError(`groups are nested more than ${MAX_PATTERN_DEPTH} deep`, i);
    } else if (char === ")") depth--;
  }
}
