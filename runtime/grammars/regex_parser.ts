/**
 * Regular expressions of ECMAScript as expressions. A language has no captures and no preference between matches, so
 * groups only group and lazy quantifiers are as greedy ones.
 *
 * @module
 */
import type { AST } from "@eslint-community/regexpp";
import {
  ALL_CODE_POINTS,
  type CodePoints,
  codePoints,
  complementOf,
  differenceOf,
  DIGITS,
  intersectionOf,
  LINE_TERMINATORS,
  SPACE,
  unicodeProperty,
  WORD,
} from "./code_points.ts";
import {
  choice,
  EMPTY,
  type Expression,
  isNothing,
  NOTHING,
  oneOf,
  repeat,
  sequence,
  text,
} from "./expression.ts";
import type { Condition, Language } from "./intersection.ts";
import { parsePattern, PatternError } from "./regex_syntax.ts";

/** Largest bound of a quantifier. */
export const MAX_QUANTIFIER = 10_000;
/** Most `\p{...}` of one pattern: each reads all of Unicode. */
const MAX_PROPERTIES = 3;

/** Texts by whether `^` stood before them and `$` behind them. */
interface Anchored {
  readonly expression: Expression;
  readonly start: boolean;
  readonly end: boolean;
}

/** The texts that a pattern matches from first to last character. Throws PatternError. */
export function matchesOf(pattern: string): Language {
  const { parts, conditions } = new Translator().pattern(parsePattern(pattern), true);
  return [holds(choice(...parts.map(({ expression }) => expression))), ...conditions];
}

/** The texts in which a pattern is found, as JSON Schema's `pattern` asks. Throws PatternError. */
export function searchOf(pattern: string): Language {
  const { parts, conditions } = new Translator().pattern(parsePattern(pattern), false);
  const found = parts.map(({ expression, start, end }) =>
    sequence(start ? EMPTY : ANY_TEXT, expression, end ? EMPTY : ANY_TEXT)
  );
  return [holds(choice(...found)), ...conditions];
}

const ANY_TEXT = repeat(oneOf(ALL_CODE_POINTS), 0);

function holds(expression: Expression): Condition {
  return { expression, isNegated: false };
}

class Translator {
  readonly #properties = new Set<string>();

  /** The pattern behind the lookaheads at its start, which are conditions of the text from there on. */
  pattern({ alternatives }: AST.Pattern, isWhole: boolean): { parts: Anchored[]; conditions: Condition[] } {
    const elements = alternatives[0]!.elements;
    const numLeading = elements.findIndex(({ type }) => type !== "Assertion");
    const leading = elements.slice(0, numLeading === -1 ? elements.length : numLeading);
    const lookaheads = leading.filter((element): element is AST.LookaheadAssertion =>
      element.type === "Assertion" && element.kind === "lookahead"
    );
    const isAtStart = isWhole ||
      leading.some((element) => element.type === "Assertion" && element.kind === "start");
    if (alternatives.length > 1 || !isAtStart) {
      return { parts: this.#alternatives(alternatives, true, true), conditions: [] };
    }
    const rest = elements.filter((element) => !lookaheads.includes(element as AST.LookaheadAssertion));
    return {
      parts: this.#elements(rest, true, true),
      conditions: lookaheads.map((lookahead) => ({
        expression: choice(
          ...this.#alternatives(lookahead.alternatives, false, true).map(({ expression, end }) =>
            sequence(expression, end ? EMPTY : ANY_TEXT)
          ),
        ),
        isNegated: lookahead.negate,
      })),
    };
  }

  /** One entry for each way of being anchored that is there. */
  #alternatives(alternatives: readonly AST.Alternative[], isFirst: boolean, isLast: boolean): Anchored[] {
    const byAnchors = new Map<string, Anchored[]>();
    for (const { elements } of alternatives) {
      for (const part of this.#elements(elements, isFirst, isLast)) {
        const key = `${part.start}${part.end}`;
        const list = byAnchors.get(key);
        if (list) list.push(part);
        else byAnchors.set(key, [part]);
      }
    }
    return [...byAnchors.values()].map((parts) => ({
      ...parts[0]!,
      expression: choice(...parts.map(({ expression }) => expression)),
    })).filter(({ expression }) => !isNothing(expression));
  }

  #elements(elements: readonly AST.Element[], isFirst: boolean, isLast: boolean): Anchored[] {
    const isAnchor = (element: AST.Element) => element.type === "Assertion";
    const first = elements.findIndex((element) => !isAnchor(element));
    const last = elements.findLastIndex((element) => !isAnchor(element));
    let sequences: { parts: Expression[]; start: boolean; end: boolean }[] = [{
      parts: [],
      start: false,
      end: false,
    }];
    elements.forEach((element, i) => {
      const isAtStart = isFirst && (first === -1 || i <= first), isAtEnd = isLast && i >= last;
      const each = this.#element(element, isAtStart, isAtEnd);
      const [only] = each;
      if (only && each.length === 1) {
        for (const before of sequences) {
          before.parts.push(only.expression);
          before.start ||= only.start;
          before.end ||= only.end;
        }
        return;
      }
      sequences = sequences.flatMap((before) =>
        each.map(({ expression, start, end }) => ({
          parts: [...before.parts, expression],
          start: before.start || start,
          end: before.end || end,
        }))
      );
    });
    return sequences.map(({ parts, start, end }) => ({ expression: sequence(...parts), start, end }));
  }

  #element(element: AST.Element, isFirst: boolean, isLast: boolean): Anchored[] {
    const plain = (expression: Expression) => [{ expression, start: false, end: false }];
    switch (element.type) {
      case "Character":
        return plain(this.#character(element));
      case "CharacterSet":
        return plain(oneOf(this.#set(element)));
      case "CharacterClass":
        return plain(oneOf(this.#class(element)));
      case "CapturingGroup":
        return this.#alternatives(element.alternatives, isFirst, isLast);
      case "Group":
        if (element.modifiers) throw refused("modifiers", element);
        return this.#alternatives(element.alternatives, isFirst, isLast);
      case "Quantifier":
        return plain(this.#quantifier(element));
      case "Assertion":
        return this.#assertion(element, isFirst, isLast);
      case "Backreference":
        throw refused("backreferences", element);
      case "ExpressionCharacterClass":
        throw refused("set operations", element);
    }
  }

  #assertion(element: AST.Assertion, isFirst: boolean, isLast: boolean): Anchored[] {
    switch (element.kind) {
      case "start":
        if (!isFirst) throw refused("^ behind the start", element);
        return [{ expression: EMPTY, start: true, end: false }];
      case "end":
        if (!isLast) throw refused("$ before the end", element);
        return [{ expression: EMPTY, start: false, end: true }];
      case "word":
        throw refused(element.negate ? "\\B" : "\\b", element);
      case "lookahead":
      case "lookbehind":
        throw refused(element.kind, element);
    }
  }

  #quantifier({ element, min, max, start }: AST.Quantifier): Expression {
    if (element.type === "Assertion") throw refused("quantified assertions", element);
    for (const bound of [min, max]) {
      if (bound !== Infinity && bound > MAX_QUANTIFIER) {
        throw new PatternError(`a quantifier is larger than ${MAX_QUANTIFIER}`, start);
      }
    }
    // Neither start nor end: what is anchored in a repetition has no grammar here.
    const [body] = this.#element(element, false, false);
    return repeat(body?.expression ?? NOTHING, min, max === Infinity ? undefined : max);
  }

  #character({ value }: AST.Character): Expression {
    return value >= 0xd800 && value <= 0xdfff ? NOTHING : text(String.fromCodePoint(value));
  }

  #set(set: AST.CharacterSet): CodePoints {
    const negated = (points: CodePoints, negate: boolean) => negate ? complementOf(points) : points;
    switch (set.kind) {
      case "any":
        return complementOf(LINE_TERMINATORS);
      case "digit":
        return negated(DIGITS, set.negate);
      case "space":
        return negated(SPACE, set.negate);
      case "word":
        return negated(WORD, set.negate);
      case "property": {
        if (set.strings) throw refused("properties of strings", set);
        const property = set.value === null ? set.key : `${set.key}=${set.value}`;
        if (this.#properties.add(property).size > MAX_PROPERTIES) {
          throw refused(`more than ${MAX_PROPERTIES} properties`, set);
        }
        return negated(unicodeProperty(property), set.negate);
      }
    }
  }

  #class({ elements, negate }: AST.CharacterClass): CodePoints {
    const ranges: (readonly [number, number])[] = [];
    for (const element of elements) {
      switch (element.type) {
        case "Character":
          ranges.push([element.value, element.value]);
          break;
        case "CharacterClassRange":
          ranges.push([element.min.value, element.max.value]);
          break;
        case "CharacterSet":
          ranges.push(...this.#set(element));
          break;
        default:
          throw refused("set operations", element);
      }
    }
    const points = codePoints(ranges);
    return negate ? differenceOf(ALL_CODE_POINTS, points) : intersectionOf(ALL_CODE_POINTS, points);
  }
}

function refused(what: string, { start }: AST.Node): PatternError {
  return new PatternError(`${what} cannot be enforced`, start);
}
