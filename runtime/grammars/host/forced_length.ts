/**
 * How long the texts can be that a grammar leaves no choice about. The library finds such a text to its end, which takes
 * milliseconds for ten thousand characters, and ends the process for ten million: twenty-four rules that each double
 * another are enough, so it is not asked for those of a grammar that may have long ones.
 *
 * @module
 */
import type { GrammarSource } from "../../contracts/constraint.ts";

/** Characters that may be forced at once. */
const MAX_LENGTH = 50_000;
/** The same of rules that contain themselves: what follows in each of them comes once for every level. */
const MAX_RECURSIVE = 1000;

/** What may be forced of an expression's texts, characters at most. */
interface Run {
  /** At their beginning, and at their end. */
  readonly first: number;
  readonly last: number;
  /** Anywhere in them. */
  readonly longest: number;
  /** It may be all of them: nowhere is there a choice between characters. */
  readonly isWhole: boolean;
}

const BREAK: Run = { first: 0, last: 0, longest: 0, isWhole: false };

/** A literal, a class, the name of a rule, each with how often it comes, or the mark between alternatives. */
const ELEMENT = /("(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[\w-]+)(?:\{(\d+)(?:,(\d*))?\})?|\|/gs;
/** A class of one character. */
const ONE_CHARACTER = /^\[(\\u[0-9a-f]{4}|\\.|[^\\^])\1?\]$/s;

/** Whether a grammar forces short texts only, however it goes on. */
export function forcesShortTexts(source: GrammarSource): boolean {
  if (source.type === "ebnf") return isShort(analyze(source.grammar));
  const { grammars, length } = partsOf(JSON.parse(source.tag).format);
  const all = grammars.map(analyze);
  return all.every(isShort) && all.reduce((sum, { longest }) => sum + longest, length) <= MAX_LENGTH;
}

interface Analysis {
  readonly longest: number;
  readonly isRecursive: boolean;
}

function isShort({ longest, isRecursive }: Analysis): boolean {
  return longest <= (isRecursive ? MAX_RECURSIVE : MAX_LENGTH);
}

/** The grammars in a structural tag, and the length of all other texts in it. */
function partsOf(value: unknown): { grammars: string[]; length: number } {
  if (typeof value === "string") return { grammars: [], length: value.length };
  const grammars: string[] = [];
  let length = 0;
  if (typeof value !== "object" || value === null) return { grammars, length };
  const isGrammar = "type" in value && value.type === "grammar";
  for (const [name, each] of Object.entries(value)) {
    if (isGrammar && name === "grammar") {
      grammars.push(each);
      continue;
    }
    const parts = partsOf(each);
    grammars.push(...parts.grammars);
    length += parts.length;
  }
  return { grammars, length };
}

/** Of EBNF as `ebnf_writer.ts` writes it: a rule in each line, without parentheses. */
function analyze(grammar: string): Analysis {
  const bodies = new Map<string, string>();
  for (const line of grammar.split("\n")) {
    const [, name, body] = /^([\w-]+) ::= (.*)$/s.exec(line) ?? [];
    if (name !== undefined) bodies.set(name, body!);
  }
  const runs = new Map<string, Run>(), open = new Set<string>();
  let longest = 0, isRecursive = false;
  // Without recursion of its own: rules may be nested as deeply as there are many.
  const stack = [...bodies.keys()];
  for (let name = stack.at(-1); name !== undefined; name = stack.at(-1)) {
    if (runs.has(name)) {
      stack.pop();
      continue;
    }
    const elements = [...bodies.get(name)!.matchAll(ELEMENT)];
    if (!open.has(name)) {
      open.add(name);
      const names = elements.map(([, element]) => element).filter((each) => each && bodies.has(each));
      isRecursive ||= names.some((each) => open.has(each!) && !runs.has(each!));
      stack.push(...names.filter((each) => !open.has(each!)) as string[]);
      continue;
    }
    const run = ofBody(elements, runs);
    longest = Math.max(longest, run.longest);
    runs.set(name, run);
    stack.pop();
  }
  return { longest, isRecursive };
}

function ofBody(elements: readonly RegExpExecArray[], runs: ReadonlyMap<string, Run>): Run {
  const alternatives: Run[] = [whole(0)];
  for (const [, element, least, most] of elements) {
    if (element === undefined) {
      alternatives.push(whole(0));
      continue;
    }
    const count = most === undefined ? Number(least ?? 1) : Math.max(Number(least), Number(most));
    alternatives.push(join(alternatives.pop()!, times(ofElement(element, runs), count)));
  }
  return alternatives.reduce((one, other) => ({
    first: Math.max(one.first, other.first),
    last: Math.max(one.last, other.last),
    longest: Math.max(one.longest, other.longest),
    isWhole: one.isWhole && other.isWhole,
  }));
}

function ofElement(element: string, runs: ReadonlyMap<string, Run>): Run {
  if (element.startsWith('"')) return whole(element.length - 2);
  if (element.startsWith("[")) return ONE_CHARACTER.test(element) ? whole(1) : BREAK;
  return runs.get(element) ?? BREAK;
}

function whole(length: number): Run {
  return { first: length, last: length, longest: length, isWhole: true };
}

function times(run: Run, count: number): Run {
  if (run.isWhole) return whole(run.longest * count);
  return count > 1 ? join(run, run) : run;
}

function join(one: Run, other: Run): Run {
  return {
    first: one.first + (one.isWhole ? other.first : 0),
    last: other.last + (other.isWhole ? one.last : 0),
    longest: Math.max(one.longest, other.longest, one.last + other.first),
    isWhole: one.isWhole && other.isWhole,
  };
}
