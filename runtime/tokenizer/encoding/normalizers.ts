/**
 * Normalizers of tokenizer.json, which change text before it is cut.
 *
 * @module
 */
import { toByteLevel } from "./bytes.ts";
import { textRegex, translateRegex } from "./oniguruma.ts";
import { CharacterMap } from "./precompiled.ts";
import { endOfSpacesAfter, startOfSpacesBefore } from "./spaces.ts";
import { findMatches } from "./splitting.ts";
import { type Refuse, StepReader, type TokenizerStep } from "./step.ts";
import {
  charactersOf,
  COMBINING_MARKS,
  lowercase,
  NONSPACING_MARKS,
  normalForm,
  NOT_CLEAN,
} from "./unicode_versions.ts";

/** A text, and whether it still begins with what the text that was given begins with. */
export interface Normalized {
  readonly text: string;
  readonly keepsStart: boolean;
}

/** Changes a text that is not empty. */
export type Normalizer = (text: string) => Normalized;

/** Blocks of Chinese characters as BERT has them. */
const CHINESE = charactersOf(
  "4e00-9fff 3400-4dbf 20000-2a6df 2a700-2b81f 2b920-2ceaf f900-faff 2f800-2fa1f",
);

const NMT_DROPPED = charactersOf("1-8 b e-1f 7f 8f 9f");
const NMT_SPACES = charactersOf("9 a c d 1680 200b-200f 2028 2029 2581 feff fffd");

/**
 * The normalizer of a step; without a step it changes nothing.
 *
 * @throws {LoadError} if the step is unknown or a setting cannot be used
 */
export function buildNormalizer(step: TokenizerStep | null, refuse: Refuse): Normalizer {
  if (step === null) return whole((text) => text);
  const reader = new StepReader(step, "normalizer", refuse);
  switch (step.type) {
    case "Sequence":
      return inTurn(reader.steps("normalizers").map((part) => buildNormalizer(part, refuse)));
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD": {
      const form = step.type;
      return whole((text) => normalForm(text, form));
    }
    case "Lowercase":
      return whole(lowercase);
    case "StripAccents":
      return dropping(COMBINING_MARKS);
    case "Nmt":
      return inTurn([dropping(NMT_DROPPED), whole((text) => text.replace(NMT_SPACES, " "))]);
    case "ByteLevel":
      return whole(toByteLevel);
    case "Precompiled": {
      const map = new CharacterMap(reader);
      return whole((text) => map.normalize(text));
    }
    case "Prepend": {
      const prepended = reader.string("prepend");
      return whole((text) => prepended + text);
    }
    case "Strip":
      return strip(reader.boolean("strip_left"), reader.boolean("strip_right"));
    case "Replace":
      return replace(reader);
    case "BertNormalizer":
      return bert(reader);
    default:
      throw reader.unknown();
  }
}

function whole(change: (text: string) => string): Normalizer {
  return (text) => ({ text: change(text), keepsStart: true });
}

function inTurn(parts: readonly Normalizer[]): Normalizer {
  return (given) => {
    let text = given, keepsStart = true;
    for (const part of parts) {
      if (text === "") break;
      const normalized = part(text);
      text = normalized.text;
      keepsStart &&= normalized.keepsStart;
    }
    return { text, keepsStart };
  };
}

function dropping(characters: RegExp): Normalizer {
  return (text) => ({ text: text.replace(characters, ""), keepsStart: text.search(characters) !== 0 });
}

function strip(left: boolean, right: boolean): Normalizer {
  return (text) => {
    const end = right ? startOfSpacesBefore(text, text.length) : text.length;
    const start = left ? Math.min(endOfSpacesAfter(text, 0), end) : 0;
    return { text: text.slice(start, end), keepsStart: start === 0 };
  };
}

function replace(step: StepReader): Normalizer {
  const { kind, source } = step.pattern();
  const pattern = kind === "text"
    ? textRegex(source)
    : translateRegex(source, (reason) => step.refuse(reason));
  const content = step.string("content");
  if (kind === "text" && source !== "") {
    const keepsStart = content !== "" && [...source].length === 1;
    return (text) => ({
      text: text.replaceAll(source, () => content),
      keepsStart: keepsStart || !text.startsWith(source),
    });
  }
  return (text) => {
    let replaced = "", before = 0, keepsStart = true;
    for (const { start, end } of findMatches(text, pattern)) {
      replaced += text.slice(before, start) + content;
      before = end;
      const numReplaced = [...text.slice(start, end)].length;
      if (start === 0 && numReplaced > (content === "" ? 0 : 1)) keepsStart = false;
    }
    return { text: replaced + text.slice(before), keepsStart };
  };
}

function bert(step: StepReader): Normalizer {
  const parts: Normalizer[] = [];
  const lower = step.boolean("lowercase", true);
  if (step.boolean("clean_text", true)) {
    parts.push(dropping(NOT_CLEAN), whole((text) => text.replace(/\p{White_Space}/gu, " ")));
  }
  if (step.boolean("handle_chinese_chars", true)) parts.push(whole((text) => text.replace(CHINESE, " $& ")));
  if (step.boolean("strip_accents", lower)) {
    parts.push(whole((text) => normalForm(text, "NFD")), dropping(NONSPACING_MARKS));
  }
  if (lower) parts.push(whole(lowercase));
  return inTurn(parts);
}
