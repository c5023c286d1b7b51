/**
 * Whether a text belongs to an expression, in time bounded by the sizes of both: all ways of matching are followed at
 * once, so that no expression is catastrophic.
 *
 * @module
 */
import { hasCodePoint } from "./code_points.ts";
import type { Expression } from "./expression.ts";

/** Whether the whole text matches; the expression has no rules. */
export function matches(expression: Expression, text: string): boolean {
  const points = Array.from(text, (char) => char.codePointAt(0)!);
  return follow(expression, points, new Set([0])).has(points.length);
}

/** The positions behind the expression, if it begins at any of `starts`. */
function follow(expression: Expression, points: readonly number[], starts: ReadonlySet<number>): Set<number> {
  switch (expression.type) {
    case "text": {
      const wanted = Array.from(expression.text, (char) => char.codePointAt(0)!);
      const ends = new Set<number>();
      for (const start of starts) {
        if (wanted.every((point, i) => points[start + i] === point)) ends.add(start + wanted.length);
      }
      return ends;
    }
    case "set": {
      const ends = new Set<number>();
      for (const start of starts) {
        if (start < points.length && hasCodePoint(expression.set, points[start]!)) ends.add(start + 1);
      }
      return ends;
    }
    case "sequence":
      return expression.parts.reduce<Set<number>>(
        (at, part) => at.size === 0 ? at : follow(part, points, at),
        new Set(starts),
      );
    case "choice": {
      const ends = new Set<number>();
      for (const option of expression.options) {
        for (const end of follow(option, points, starts)) ends.add(end);
      }
      return ends;
    }
    case "repeat":
      return followRepeat(expression, points, starts);
    case "rule":
      throw new RangeError(`Cannot match rule ${expression.name}`);
  }
}

function followRepeat(
  { body, min, max }: Expression & { type: "repeat" },
  points: readonly number[],
  starts: ReadonlySet<number>,
): Set<number> {
  let at = new Set(starts);
  for (let i = 0; i < min && at.size > 0; i++) {
    const next = follow(body, points, at);
    if (sameSet(at, next)) break;
    at = next;
  }
  const ends = new Set(at);
  for (let i = min; (max === undefined || i < max) && at.size > 0; i++) {
    at = new Set([...follow(body, points, at)].filter((position) => !ends.has(position)));
    for (const position of at) ends.add(position);
  }
  return ends;
}

function sameSet(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  return a.size === b.size && [...a].every((each) => b.has(each));
}
