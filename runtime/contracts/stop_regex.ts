/**
 * Regular expressions that end a generation, compiled by RE2's rules: matching takes time in proportion to the text,
 * whatever the expression. What these rules lack, such as look-around and back-references, is refused.
 *
 * @module
 */
import { RE2JS, RE2JSException } from "re2js";
import { InvalidRequestError } from "./errors.ts";

/** Expressions of one generation, at most (as SGLang has it). */
export const maxStopRegexes = 32;
/** Characters of one expression, at most (SGLang: bytes). */
export const maxRegexLength = 256;
/**
 * Instructions that all expressions of a generation may take, by estimate, so that compiling takes a few milliseconds at
 * most, and a character of the text a few microseconds.
 */
const MAX_SIZE = 300;
/** Instructions that compile as fast as a class of Unicode's, which may be thousands of ranges. */
const TABLE_SIZE = 20;
/** Instructions that compile as fast as a range beyond ASCII whose case does not count: each character is looked up. */
const FOLDED_RANGE_SIZE = 140;
/** Programs kept for the next request, which often brings the same expressions. */
const MAX_KEPT = 64;

/** An instruction of RE2: `out` and, at alternatives, `arg` come next. */
export interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  /** Whether it goes on over the character with this code point. */
  matchRune(codePoint: number): boolean;
}

/** A compiled expression. */
export interface RegexProgram {
  readonly pattern: string;
  readonly start: number;
  readonly instructions: readonly Instruction[];
}

/** Names of the instructions in re2js, of which none is a look-behind: those must be asked for. */
export const OPS = {
  alt: 1,
  altMatch: 2,
  capture: 3,
  emptyWidth: 4,
  fail: 5,
  match: 6,
  nop: 7,
  runeAny: 10,
  runeAnyNotNewline: 11,
} as const;

const kept = new Map<string, RegexProgram>();

/**
 * Programs of the expressions of one generation.
 *
 * @throws {InvalidRequestError} naming `stop_regex` if there are too many, or one is too long or too large, wrong, not
 * served, or matches the empty text
 */
export function compileStopRegexes(patterns: readonly string[]): RegexProgram[] {
  if (patterns.length > maxStopRegexes) {
    throw refusal(`${patterns.length} expressions, at most ${maxStopRegexes} are allowed`);
  }
  let size = 0;
  for (const pattern of patterns) {
    if (pattern.length > maxRegexLength) {
      throw refusal(`an expression of ${pattern.length} characters, at most ${maxRegexLength} are allowed`);
    }
    size += estimatedSize(pattern);
  }
  if (size > MAX_SIZE) {
    throw refusal(`it takes about ${size} instructions, at most ${MAX_SIZE} are allowed`);
  }
  return patterns.map(programOf);
}

function programOf(pattern: string): RegexProgram {
  const program = kept.get(pattern) ?? compile(pattern);
  kept.delete(pattern);
  kept.set(pattern, program);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
  return program;
}

function compile(pattern: string): RegexProgram {
  let prog: { inst: Instruction[]; start: number };
  try {
    ({ prog } = RE2JS.compile(pattern).re2());
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    throw refusal(error.message.replace(/^error parsing regexp: /, ""));
  }
  const program = { pattern, start: prog.start, instructions: prog.inst };
  if (matchesEmptyText(program)) throw refusal(`${JSON.stringify(pattern)} matches the empty text`);
  return program;
}

/** Whether the end can be reached without a character, wherever conditions of the text around hold. */
function matchesEmptyText({ start, instructions }: RegexProgram): boolean {
  const reached = new Set([start]);
  for (const at of reached) {
    const { op, out, arg } = instructions[at]!;
    if (op === OPS.match) return true;
    if (op === OPS.alt || op === OPS.altMatch) reached.add(out).add(arg);
    if (op === OPS.capture || op === OPS.nop || op === OPS.emptyWidth) reached.add(out);
  }
  return false;
}

/** A quoted text, an escaped character, a class of characters, a repetition with numbers, or a character. */
const PARTS =
  /\\Q[^]*?(?:\\E|$)|\\[pPx]\{[^}]*\}|\\[^]|\[\^?\]?(?:\[:[^\]]*:\]|\\[^]|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|[^]/g;

/**
 * About as many instructions as an expression compiles to: found out first, since compiling `(.{1,50}){20}` takes
 * thousands of them.
 */
export function estimatedSize(pattern: string): number {
  /** Groups that are open: their size, and that of their last part. */
  const groups = [{ size: 0, last: 0 }];
  const folds = /\(\?\w*i/.test(pattern);
  let extra = 0;
  for (const [part, low, high] of pattern.matchAll(PARTS)) {
    const group = groups.at(-1)!;
    if (low !== undefined) {
      const count = Math.max(1, Number(low) + Number(high === ""), Number(high ?? 0));
      group.size += group.last * (count - 1);
      group.last *= count;
    } else if (part === "(") {
      groups.push({ size: 2, last: 0 });
    } else if (part === ")" && groups.length > 1) {
      groups.pop();
      const outer = groups.at(-1)!;
      outer.size += outer.last = group.size;
    } else if ("*+?|".includes(part)) {
      group.size++;
    } else {
      group.size += group.last = part.startsWith("\\Q") ? part.length : 1;
      if (/^[[\\]/.test(part)) extra += TABLE_SIZE * (part.match(/\\p/gi)?.length ?? 0);
      if (folds && /^\[.*([^\0-\x7f]|\\[x0-7])/s.test(part)) {
        extra += FOLDED_RANGE_SIZE * part.split("-").length;
      }
    }
  }
  return groups.reduce((sum, { size }) => sum + size, extra);
}

function refusal(reason: string): InvalidRequestError {
  return new InvalidRequestError(`Cannot accept stop_regex: ${reason}`, "stop_regex");
}
