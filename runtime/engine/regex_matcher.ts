/**
 * Finds where a regular expression first matches in a text that comes a character at a time: Thompson's simulation,
 * as RE2 runs it, of all ways to match at once.
 *
 * @module
 */
import { type Instruction, OPS, type RegexProgram } from "../contracts/stop_regex.ts";

/** UTF-16 units that a match may hold back. */
export const maxHeldLength = 1024;

/** Conditions of the text around a position, as re2js numbers them. */
const AROUND = { beginLine: 1, endLine: 2, beginText: 4, endText: 8, wordBoundary: 16, noWordBoundary: 32 };
/** Conditions that the next character decides. */
const DECIDED_NEXT = AROUND.endLine | AROUND.wordBoundary | AROUND.noWordBoundary;

const NEWLINE = 0x0a;

/** The end of a match: `isBefore` the character pushed last, which decided it, or behind it. */
export interface RegexMatch {
  /** Of the match, UTF-16 units. */
  readonly length: number;
  readonly isBefore: boolean;
}

/** Ways to match that are under way, oldest first: the next instruction of each and where the match began. */
class Threads {
  readonly instructions: number[] = [];
  readonly starts: number[] = [];
  /** By instruction: the round in which it was last seen. */
  readonly #seen: Uint32Array;
  #round = 0;

  constructor(numInstructions: number) {
    this.#seen = new Uint32Array(numInstructions);
  }

  /** True the first time since `clear`; a thread that reaches the same instruction later began later. */
  visit(instruction: number): boolean {
    if (this.#seen[instruction] === this.#round) return false;
    this.#seen[instruction] = this.#round;
    return true;
  }

  add(instruction: number, start: number): void {
    this.instructions.push(instruction);
    this.starts.push(start);
  }

  clear(): this {
    this.instructions.length = this.starts.length = 0;
    this.#round = this.#round + 1 >>> 0;
    return this;
  }
}

/**
 * Looks for the match that is complete first, and of several that end there the one that began first. That depends on
 * the text alone. `$` and `\z` hold everywhere, since the text so far ends there; `\b`, `\B` and, with the flag `m`,
 * `$` wait for the next character. A match that has held back {@linkcode maxHeldLength} is let go, and counts from
 * there.
 */
export class RegexMatcher {
  /** The expression. */
  readonly name: string;
  readonly #program: readonly Instruction[];
  readonly #programStart: number;
  #threads: Threads;
  #others: Threads;
  /** Some thread waits for the next character at a condition. */
  #waits = false;
  /** Instructions to be looked at. */
  readonly #stack: number[] = [];
  /** UTF-16 units pushed. */
  #position = 0;
  /** Code point pushed last; -1 before the first. */
  #last = -1;
  /** Where a match began that is complete, or -1. */
  #found = -1;

  constructor({ pattern, instructions, start }: RegexProgram) {
    this.name = pattern;
    this.#program = instructions;
    this.#programStart = start;
    this.#threads = new Threads(instructions.length).clear();
    this.#others = new Threads(instructions.length).clear();
    this.#follow(this.#threads, start, 0, this.#conditions(), DECIDED_NEXT);
  }

  /** Length in UTF-16 units of the longest match that may be under way. */
  get matchedLength(): number {
    return this.#position - (this.#threads.starts[0] ?? this.#position);
  }

  /** The match that `character` completes or decides. Not to be called again after that. */
  push(character: string): RegexMatch | undefined {
    const codePoint = character.codePointAt(0)!;
    const decided = this.#decide(codePoint);
    if (decided !== undefined) return decided;
    const from = this.#threads, to = this.#others.clear();
    const end = this.#position + character.length;
    this.#position = end;
    this.#last = codePoint;
    const conditions = this.#conditions();
    this.#waits = false;
    const { instructions, starts } = from, firstHeld = this.#firstHeld(starts, end);
    for (let n = 0; n < instructions.length; n++) {
      // Threads that were dropped begin anew, so they come last.
      const i = (n + firstHeld) % instructions.length,
        start = n + firstHeld < instructions.length ? starts[i]! : end;
      const instruction = this.#program[instructions[i]!]!;
      if (goesOn(instruction, codePoint)) this.#follow(to, instruction.out, start, conditions, DECIDED_NEXT);
    }
    this.#follow(to, this.#programStart, end, conditions, DECIDED_NEXT);
    this.#threads = to;
    this.#others = from;
    return this.#match(false);
  }

  /** The match that the end of the text decides. */
  flush(): RegexMatch | undefined {
    return this.#decide(-1);
  }

  /** Lets threads go on that wait for the next character, or the end. */
  #decide(next: number): RegexMatch | undefined {
    if (!this.#waits) return undefined;
    const from = this.#threads, to = this.#others.clear();
    const conditions = this.#conditions() | conditionsBefore(this.#last, next);
    from.instructions.forEach((instruction, i) =>
      this.#follow(to, instruction, from.starts[i]!, conditions, 0)
    );
    this.#threads = to;
    this.#others = from;
    return this.#match(true);
  }

  /** Adds what comes at `first` and behind it, up to characters and conditions that wait. */
  #follow(to: Threads, first: number, start: number, conditions: number, undecided: number): void {
    const stack = this.#stack;
    stack.push(first);
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (!to.visit(at)) continue;
      const { op, out, arg } = this.#program[at]!;
      switch (op) {
        case OPS.alt:
        case OPS.altMatch:
          stack.push(arg, out);
          break;
        case OPS.capture:
        case OPS.nop:
          stack.push(out);
          break;
        case OPS.emptyWidth:
          if ((arg & undecided) !== 0) {
            to.add(at, start);
            this.#waits = true;
          } else if ((arg & ~conditions) === 0) stack.push(out);
          break;
        case OPS.match:
          if (this.#found < 0) this.#found = start;
          break;
        case OPS.fail:
          break;
        default:
          to.add(at, start);
      }
    }
  }

  #match(isBefore: boolean): RegexMatch | undefined {
    return this.#found < 0 ? undefined : { length: this.#position - this.#found, isBefore };
  }

  /** What holds at the position, whatever comes next. */
  #conditions(): number {
    const line = this.#last < 0 || this.#last === NEWLINE ? AROUND.beginLine : 0;
    return AROUND.endText | line | (this.#last < 0 ? AROUND.beginText : 0);
  }

  /** Number of threads that have held back too much. */
  #firstHeld(starts: readonly number[], end: number): number {
    let first = 0;
    while (first < starts.length && end - starts[first]! > maxHeldLength) first++;
    return first;
  }
}

function goesOn(instruction: Instruction, codePoint: number): boolean {
  switch (instruction.op) {
    case OPS.emptyWidth:
      return false;
    case OPS.runeAny:
      return true;
    case OPS.runeAnyNotNewline:
      return codePoint !== NEWLINE;
    default:
      return instruction.matchRune(codePoint);
  }
}

function conditionsBefore(last: number, next: number): number {
  const line = next < 0 || next === NEWLINE ? AROUND.endLine : 0;
  return line | (isWord(last) === isWord(next) ? AROUND.noWordBoundary : AROUND.wordBoundary);
}

/** RE2's words are ASCII. */
function isWord(codePoint: number): boolean {
  return codePoint === 0x5f || (codePoint >= 0x30 && codePoint <= 0x39) ||
    (codePoint >= 0x41 && codePoint <= 0x5a) || (codePoint >= 0x61 && codePoint <= 0x7a);
}
