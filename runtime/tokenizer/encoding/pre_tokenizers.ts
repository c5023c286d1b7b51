/**
 * Pre-tokenizers of tokenizer.json, which cut a normalized text into words.
 *
 * @module
 */
import { toByteLevel } from "./bytes.ts";
import { textRegex, translateRegex } from "./oniguruma.ts";
import { BEHAVIORS, split, type Splitting } from "./splitting.ts";
import { type Refuse, StepReader, type TokenizerStep } from "./step.ts";
import { NUMERIC, PUNCTUATION } from "./unicode_versions.ts";

/** GPT-2's word pattern, which `ByteLevel` applies unless `use_regex` is false. */
export const GPT2_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** A step that cuts out every match of a regular expression. */
export function isolated(pattern: string): TokenizerStep {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}

/** Words of a text that is not empty; `isFirst` says whether the text begins a document. Words are not empty. */
export type PreTokenizer = (text: string, isFirst: boolean) => readonly string[];

const WHITE_SPACE = /\p{White_Space}/gu;

/** The Rust library's `regex` crate has other words than Oniguruma: joiners belong to them. */
const WORDS =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

/**
 * The pre-tokenizer of a step; without a step a text is one word.
 *
 * @throws {LoadError} if the step is unknown or a setting cannot be used
 */
export function buildPreTokenizer(step: TokenizerStep | null, refuse: Refuse): PreTokenizer {
  if (step === null) return (text) => [text];
  const reader = new StepReader(step, "pre_tokenizer", refuse);
  const at = (pattern: RegExp, behavior: Splitting["behavior"], invert = false): PreTokenizer => (text) =>
    split(text, { pattern, behavior, invert });
  switch (step.type) {
    case "Sequence":
      return sequence(reader, refuse);
    case "Split":
      return at(splitPattern(reader), reader.word("behavior", BEHAVIORS), reader.boolean("invert"));
    case "ByteLevel":
      return byteLevel(reader);
    case "Metaspace":
      return metaspace(reader);
    case "Digits":
      return at(NUMERIC, reader.boolean("individual_digits") ? "Isolated" : "Contiguous");
    case "Punctuation":
      return at(PUNCTUATION, reader.word("behavior", BEHAVIORS, "Isolated"));
    case "Whitespace":
      return at(WORDS, "Removed", true);
    case "WhitespaceSplit":
      return at(WHITE_SPACE, "Removed");
    case "BertPreTokenizer":
      return inTurn([at(WHITE_SPACE, "Removed"), at(PUNCTUATION, "Isolated")]);
    case "CharDelimiterSplit":
    case "Delimiter":
      return at(textRegex(reader.character("delimiter")), "Removed");
    case "FixedLength":
      return fixedLength(reader);
    default:
      throw reader.unknown();
  }
}

function inTurn(parts: readonly PreTokenizer[]): PreTokenizer {
  return (text, isFirst) =>
    parts.reduce<readonly string[]>(
      (words, part) => words.flatMap((word, index) => part(word, isFirst && index === 0)),
      [text],
    );
}

function sequence(step: StepReader, refuse: Refuse): PreTokenizer {
  const parts = step.steps("pretokenizers");
  const isFirstOnly = ({ type, prepend_scheme: scheme }: TokenizerStep) =>
    type === "Metaspace" && scheme === "first";
  const at = parts.findIndex(isFirstOnly);
  // What stands at a document's start after another step has cut it is a matter of that step's offsets.
  if (at > 0) throw step.refuse(`has Metaspace with prepend_scheme first behind ${parts[at - 1]!.type}`);
  return inTurn(parts.map((part) => buildPreTokenizer(part, refuse)));
}

function splitPattern(step: StepReader): RegExp {
  const { kind, source } = step.pattern();
  return kind === "text" ? textRegex(source) : translateRegex(source, (reason) => step.refuse(reason));
}

function byteLevel(step: StepReader): PreTokenizer {
  const pattern = step.boolean("use_regex", true)
    ? translateRegex(GPT2_PATTERN, (reason) => step.refuse(reason))
    : undefined;
  const addsSpace = step.boolean("add_prefix_space", false);
  return (given) => {
    const text = addsSpace && !given.startsWith(" ") ? ` ${given}` : given;
    const words = pattern === undefined
      ? [text]
      : split(text, { pattern, behavior: "Isolated", invert: false });
    return words.map(toByteLevel);
  };
}

function metaspace(step: StepReader): PreTokenizer {
  const replacement = step.character("replacement");
  const scheme = step.word("prepend_scheme", ["always", "never", "first"], "always");
  const addsSpace = step.get("add_prefix_space") !== false;
  // Files older than prepend_scheme say only this.
  if (!addsSpace && step.get("prepend_scheme") !== undefined && scheme !== "never") {
    throw step.refuse(`has add_prefix_space false and prepend_scheme ${scheme}`);
  }
  const splitting: Splitting | undefined = step.boolean("split", true)
    ? { pattern: textRegex(replacement), behavior: "MergedWithNext", invert: false }
    : undefined;
  return (given, isFirst) => {
    const replaced = given.replaceAll(" ", replacement);
    const prepends = addsSpace && !replaced.startsWith(replacement) &&
      (scheme === "always" || (scheme === "first" && isFirst));
    const text = prepends ? replacement + replaced : replaced;
    return splitting === undefined ? [text] : split(text, splitting);
  };
}

function fixedLength(step: StepReader): PreTokenizer {
  const length = step.count("length", 5);
  if (length === 0) throw step.refuse("has length 0");
  return (text) => {
    const characters = [...text];
    const count = Math.ceil(characters.length / length);
    return Array.from({ length: count }, (_, i) => characters.slice(i * length, (i + 1) * length).join(""));
  };
}
