/**
 * Added tokens, which are found in text before the model sees it: the leftmost first, and of those that begin at one
 * place the longest.
 *
 * @module
 */
import { endOfSpacesAfter, startOfSpacesBefore } from "./spaces.ts";

/** An entry of tokenizer.json's `added_tokens`. */
export interface AddedTokenEntry {
  /** Token id. */
  readonly id: number;
  /** Its text. */
  readonly content: string;
  /** Left out of decoded text. */
  readonly special?: boolean;
  /** Takes blanks before it. */
  readonly lstrip?: boolean;
  /** Takes blanks after it. */
  readonly rstrip?: boolean;
  /** Only found between characters that are no part of words. */
  readonly "single_word"?: boolean;
  /** Looked for in normalized text, itself normalized; by default if not special. */
  readonly normalized?: boolean | undefined;
}

/** A part of a text, with its place, or a token in it. */
export type Piece = { readonly text: string; readonly start: number } | { readonly id: number };

/** A token's entry as it is looked for. */
export interface SoughtToken {
  readonly text: string;
  readonly entry: AddedTokenEntry;
}

/** Whether an entry is looked for in normalized text. */
export function isNormalized({ normalized, special = false }: AddedTokenEntry): boolean {
  return normalized ?? !special;
}

/** Characters of words, as the Rust library's `regex` crate has them. */
const WORD_AT_END = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const WORD_AT_START = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

interface Node {
  readonly children: Map<number, Node>;
  entry?: AddedTokenEntry;
}

/** What is found where, in UTF-16 units. */
export interface Match {
  readonly start: number;
  readonly end: number;
  readonly entry: AddedTokenEntry;
}

/** Tokens that are looked for together. */
export class AddedTokens {
  readonly #root: Node = { children: new Map() };

  /** Of tokens of the same text the last is found. */
  constructor(tokens: Iterable<SoughtToken>) {
    for (const { text, entry } of tokens) {
      let node = this.#root;
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        let child = node.children.get(unit);
        if (child === undefined) node.children.set(unit, child = { children: new Map() });
        node = child;
      }
      if (node !== this.#root) node.entry = entry;
    }
  }

  /**
   * Cuts a text at its added tokens. What `isText` says of a match is left as text, and what overlaps it is not looked
   * at; where `mayMatch` denies one, a shorter one is tried.
   */
  split(
    text: string,
    isText: (entry: AddedTokenEntry) => boolean,
    mayMatch: (match: Match) => boolean = () => true,
  ): Piece[] {
    const pieces: Piece[] = [];
    let before = 0;
    for (const match of this.#matches(text, mayMatch)) {
      const { entry } = match;
      let { start, end } = match;
      if (isText(entry)) continue;
      if (entry.single_word && (endsWithWord(text, start) || startsWithWord(text, end))) continue;
      if (entry.lstrip) start = Math.max(startOfSpacesBefore(text, start), before);
      if (entry.rstrip) end = endOfSpacesAfter(text, end);
      if (before < start) pieces.push({ text: text.slice(before, start), start: before });
      pieces.push({ id: entry.id });
      before = end;
    }
    if (before < text.length) pieces.push({ text: text.slice(before), start: before });
    return pieces;
  }

  *#matches(text: string, mayMatch: (match: Match) => boolean): Generator<Match> {
    for (let start = 0; start < text.length;) {
      let found: Match | undefined;
      let node = this.#root.children.get(text.charCodeAt(start));
      for (let end = start + 1; node !== undefined; node = node.children.get(text.charCodeAt(end++))) {
        if (node.entry === undefined) continue;
        const match = { start, end, entry: node.entry };
        if (mayMatch(match)) found = match;
      }
      if (found !== undefined) yield found;
      start = found?.end ?? start + 1;
    }
  }
}

function endsWithWord(text: string, end: number): boolean {
  return WORD_AT_END.test(text.slice(Math.max(0, end - 2), end));
}

function startsWithWord(text: string, start: number): boolean {
  return WORD_AT_START.test(text.slice(start, start + 2));
}
