/**
 * Expressions: the languages that regular expressions and schemas are turned into, before they are written as EBNF.
 *
 * @module
 */
import { type CodePoints, codePointsOf, unionOf } from "./code_points.ts";

/** A language of texts. */
export type Expression =
  /** Exactly this text. */
  | { readonly type: "text"; readonly text: string }
  /** One character of a set; none for the empty set. */
  | { readonly type: "set"; readonly set: CodePoints }
  /** One part after the other. */
  | { readonly type: "sequence"; readonly parts: readonly Expression[] }
  /** Any of the options; without one no text at all. */
  | { readonly type: "choice"; readonly options: readonly Expression[] }
  /** `body` between `min` and `max` times; undefined: any number. */
  | { readonly type: "repeat"; readonly body: Expression; readonly min: number; readonly max?: number }
  /** A rule of the grammar. */
  | { readonly type: "rule"; readonly name: string };

/** The empty text. */
export const EMPTY: Expression = { type: "text", text: "" };

/** No text at all. */
export const NOTHING: Expression = { type: "choice", options: [] };

/** Exactly this text. */
export function text(text: string): Expression {
  return { type: "text", text };
}

/** One character of a set. */
export function oneOf(set: CodePoints): Expression {
  return set.length === 0 ? NOTHING : { type: "set", set };
}

/** Whether an expression has no text. */
export function isNothing(expression: Expression): boolean {
  return expression.type === "choice" && expression.options.length === 0;
}

function isEmpty(expression: Expression): boolean {
  return expression.type === "text" && expression.text === "";
}

/** One part after the other. */
export function sequence(...parts: readonly Expression[]): Expression {
  const flat: Expression[] = [];
  for (const part of parts) {
    if (isNothing(part)) return NOTHING;
    if (isEmpty(part)) continue;
    const last = flat.at(-1);
    if (part.type === "sequence") flat.push(...part.parts);
    else if (part.type === "text" && last?.type === "text") {
      flat[flat.length - 1] = text(last.text + part.text);
    } else flat.push(part);
  }
  if (flat.length === 0) return EMPTY;
  return flat.length === 1 ? flat[0]! : { type: "sequence", parts: flat };
}

/** Any of the options; sets and single characters become one set. */
export function choice(...options: readonly Expression[]): Expression {
  const flat: Expression[] = [];
  let set: CodePoints = [], hasEmpty = false;
  for (const option of options) {
    for (const each of option.type === "choice" ? option.options : [option]) {
      if (each.type === "set") set = unionOf(set, each.set);
      else if (each.type === "text" && isOneCharacter(each.text)) set = unionOf(set, codePointsOf(each.text));
      else if (isEmpty(each)) hasEmpty = true;
      else flat.push(each);
    }
  }
  const all = [...(set.length > 0 ? [oneOf(set)] : []), ...flat, ...(hasEmpty ? [EMPTY] : [])];
  return all.length === 1 ? all[0]! : { type: "choice", options: all };
}

function isOneCharacter(text: string): boolean {
  if (text.length !== 1 && text.length !== 2) return false;
  const point = text.codePointAt(0)!;
  return (point > 0xffff ? 2 : 1) === text.length && !(point >= 0xd800 && point <= 0xdfff);
}

/** `body` between `min` and `max` times; undefined: any number. */
export function repeat(body: Expression, min: number, max?: number): Expression {
  if (max === 0 || isEmpty(body)) return EMPTY;
  if (isNothing(body)) return min === 0 ? EMPTY : NOTHING;
  if (min === 1 && max === 1) return body;
  if (body.type === "text" && isOneCharacter(body.text)) body = oneOf(codePointsOf(body.text));
  if (body.type === "repeat" && body.max === undefined && body.min <= 1 && max === undefined) {
    return { type: "repeat", body: body.body, min: body.min * Math.min(min, 1) };
  }
  return { type: "repeat", body, min, ...(max !== undefined && { max }) };
}

/** `body` or nothing. */
export function optional(body: Expression): Expression {
  return choice(body, EMPTY);
}

/** Fewest and most code points of a text of the language; `max` is undefined if there is no bound. Rules have none. */
export function lengthsOf(
  expression: Expression,
): { readonly min: number; readonly max: number | undefined } {
  switch (expression.type) {
    case "text": {
      const length = [...expression.text].length;
      return { min: length, max: length };
    }
    case "set":
      return { min: 1, max: 1 };
    case "sequence":
      return expression.parts.map(lengthsOf).reduce((a, b) => ({
        min: a.min + b.min,
        max: a.max === undefined || b.max === undefined ? undefined : a.max + b.max,
      }));
    case "choice": {
      const lengths = expression.options.map(lengthsOf);
      return {
        min: lengths.reduce((min, length) => Math.min(min, length.min), Infinity),
        max: lengths.some(({ max }) => max === undefined)
          ? undefined
          : Math.max(0, ...lengths.map((l) => l.max!)),
      };
    }
    case "repeat": {
      const body = lengthsOf(expression.body);
      const max = expression.max === undefined || body.max === undefined
        ? undefined
        : body.max * expression.max;
      return { min: body.min * expression.min, max: body.max === 0 ? 0 : max };
    }
    case "rule":
      return { min: 0, max: undefined };
  }
}
