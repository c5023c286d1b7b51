/**
 * Strings of JSON as expressions: what stands between quotes, with one way of writing each character.
 *
 * @module
 */
import {
  ALL_CODE_POINTS,
  type CodePoints,
  codePoints,
  codePointsOf,
  complementOf,
  differenceOf,
  hasCodePoint,
  intersectionOf,
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

import type { Rules } from "./rules.ts";

/** Characters that stand for themselves in a string of JSON. */
export const RAW: CodePoints = complementOf(codePoints([[0, 0x1f], [0x22, 0x22], [0x5c, 0x5c]]));

/** Escapes of one letter, by the character they mean. */
const ESCAPES: readonly (readonly [string, string])[] = [
  ['"', '"'],
  ["\\", "\\"],
  ["\b", "b"],
  ["\f", "f"],
  ["\n", "n"],
  ["\r", "r"],
  ["\t", "t"],
];
const HEX = codePoints([[0x30, 0x39], [0x41, 0x46], [0x61, 0x66]]);
const anyOf = (chars: string) => oneOf(codePointsOf(chars));
const hex = oneOf(HEX);

/** Any escape; those of surrogates come in pairs, so that each is one character. */
const ESCAPE = sequence(
  text("\\"),
  choice(
    anyOf('"\\/bfnrt'),
    sequence(
      text("u"),
      choice(
        sequence(oneOf(differenceOf(HEX, codePointsOf("dD"))), hex, hex, hex),
        sequence(anyOf("dD"), anyOf("01234567"), hex, hex),
        sequence(
          anyOf("dD"),
          anyOf("89abAB"),
          hex,
          hex,
          text("\\u"),
          anyOf("dD"),
          oneOf(differenceOf(HEX, codePointsOf("0123456789abAB"))),
          hex,
          hex,
        ),
      ),
    ),
  ),
);

/** What stands between quotes as a string. */
export function quoted(expression: Expression): Expression {
  return sequence(text('"'), expression, text('"'));
}

/** Any string between quotes. */
export const ANY_STRING_TEXT: Expression = sequence(text('"'), rawAndEscapes(oneOf(RAW), ESCAPE), text('"'));

function rawAndEscapes(raw: Expression, escape: Expression): Expression {
  return sequence(repeat(raw, 0), repeat(sequence(escape, repeat(raw, 0)), 0));
}

/** Characters of a block: every number of them is an alternative of one rule, so that they become one automaton. */
const BLOCK_LENGTH = 16;
/** Longest bound that is told by blocks; beyond, the matcher counts, which compiles faster. */
const MAX_BLOCKS_LENGTH = 512;

/**
 * Any string of a length in code points. The quote at its end stands in every rule that may end it: across the end of a
 * rule every token is checked when a mask is filled.
 */
export function stringOfLength(min: number, max: number, rules: Rules): Expression {
  const raw = oneOf(RAW), quote = text('"');
  if (max === Infinity) {
    const rest = sequence(rawAndEscapes(raw, ESCAPE), quote);
    if (min === 1) return choice(sequence(quote, raw, rest), sequence(quote, ESCAPE, rest));
    return sequence(quote, repeat(raw, min, min), rest);
  }
  if (max > MAX_BLOCKS_LENGTH) return sequence(quote, repeat(raw, min, max), quote);
  let next: Expression = NOTHING;
  for (
    let start = Math.floor(Math.max(0, max - 1) / BLOCK_LENGTH) * BLOCK_LENGTH;
    start >= 0;
    start -= BLOCK_LENGTH
  ) {
    const length = Math.min(BLOCK_LENGTH, max - start);
    const ends = Array.from({ length: length + 1 }, (_, i) => i).filter((i) =>
      start + i >= min && (i < length || start + i === max)
    );
    next = rules.add(choice(
      ...ends.map((i) => sequence(repeat(raw, i, i), quote)),
      sequence(repeat(raw, length, length), next),
    ));
  }
  return sequence(quote, next);
}

/** The texts that mean the texts of an expression in a string of JSON. */
export function written(value: Expression): Expression {
  switch (value.type) {
    case "text":
      return text(JSON.stringify(value.text).slice(1, -1));
    case "set":
      return writtenSet(value.set);
    case "sequence":
      return sequence(...value.parts.map(written));
    case "choice":
      return choice(...value.options.map(written));
    case "repeat": {
      if (value.body.type !== "set" || value.max !== undefined) {
        return repeat(written(value.body), value.min, value.max);
      }
      const raw = oneOf(intersectionOf(value.body.set, RAW)), escape = escapesOf(value.body.set);
      const rest = isNothing(raw)
        ? repeat(escape, 0)
        : isNothing(escape)
        ? repeat(raw, 0)
        : rawAndEscapes(raw, escape);
      return sequence(value.min === 0 ? EMPTY : repeat(choice(raw, escape), value.min, value.min), rest);
    }
    case "rule":
      throw new RangeError(`Cannot write rule ${value.name} into a string`);
  }
}

function writtenSet(set: CodePoints): Expression {
  return choice(oneOf(intersectionOf(set, RAW)), escapesOf(set));
}

/** The escapes of what a set has of quotes, backslashes and control characters. */
function escapesOf(set: CodePoints): Expression {
  const letters = ESCAPES.filter(([char]) => hasCodePoint(set, char.charCodeAt(0))).map(([, letter]) =>
    letter
  );
  const simple = letters.length === 0 ? NOTHING : sequence(text("\\"), anyOf(letters.join("")));
  const written = codePointsOf(ESCAPES.map(([char]) => char).join(""));
  const controls = differenceOf(intersectionOf(set, [[0, 0x1f]]), written);
  // Sets that mean "anything" have these too, which no text needs.
  if (controls.length === 0 || hasCodePoint(set, 0x20)) return simple;
  const codes = controls.flatMap(([first, last]) =>
    Array.from(
      { length: last - first + 1 },
      (_, i) => text(JSON.stringify(String.fromCharCode(first + i)).slice(1, -1)),
    )
  );
  return choice(simple, ...codes);
}

/**
 * Strings of raw characters that are none of `names`. Where that would take too many states, strings that begin as a
 * name does are left out too.
 */
export function stringExcept(names: readonly string[]): Expression {
  const trie = trieOf(names);
  return sequence(text('"'), exceptBelow(trie), text('"'));
}

/** Most states by which keys are told apart from names. */
const MAX_TRIE_NODES = 24;

interface TrieNode {
  isName: boolean;
  /** Whether everything below is left out. */
  isCut: boolean;
  readonly children: Map<string, TrieNode>;
}

function trieOf(names: readonly string[]): TrieNode {
  const root: TrieNode = { isName: false, isCut: false, children: new Map() };
  let level = names.map((name) => ({ node: root, name, at: 0 })), numNodes = 1;
  while (level.length > 0) {
    const next: typeof level = [];
    for (const { node, name, at } of level) {
      if (at === name.length) {
        node.isName = true;
        continue;
      }
      const char = String.fromCodePoint(name.codePointAt(at)!);
      let child = node.children.get(char);
      if (!child) {
        node.children.set(char, child = { isName: false, isCut: false, children: new Map() });
        if (++numNodes > MAX_TRIE_NODES) child.isCut = true;
      }
      if (!child.isCut) next.push({ node: child, name, at: at + char.length });
    }
    level = next;
  }
  return root;
}

function exceptBelow({ isName, isCut, children }: TrieNode): Expression {
  if (isCut) return NOTHING;
  const other = differenceOf(RAW, codePointsOf([...children.keys()].join("")));
  return choice(
    ...(isName ? [] : [EMPTY]),
    sequence(oneOf(other), repeat(oneOf(intersectionOf(RAW, ALL_CODE_POINTS)), 0)),
    ...[...children].map(([char, child]) => sequence(text(char), exceptBelow(child))),
  );
}
