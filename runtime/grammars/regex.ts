/**
 * Grammars of regular expressions: the whole output matches, with or without `^` and `$` at its ends.
 *
 * @module
 */
import type { GrammarSource } from "../contracts/constraint.ts";
import { InvalidRequestError } from "../contracts/errors.ts";
import { type Language, textsOf } from "./intersection.ts";
import { matchesOf } from "./regex_parser.ts";
import { PatternError } from "./regex_syntax.ts";
import { Rules } from "./rules.ts";

/**
 * The grammar of all texts that a regular expression of ECMAScript matches from first to last character.
 *
 * Throws InvalidRequestError that names what is wrong and its offset in the pattern: broken patterns, lookaround,
 * backreferences, word boundaries, anchors in the middle, modifiers, patterns that match nothing or are too large.
 */
export function regexSource(pattern: string, param: string): GrammarSource {
  return { type: "ebnf", grammar: regexGrammar(pattern, param) };
}

/** The grammar of a regular expression in EBNF, as {@linkcode regexSource} has it. */
export function regexGrammar(pattern: string, param: string): string {
  let language: Language;
  try {
    language = matchesOf(pattern);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new InvalidRequestError(
      `${param} cannot be used: ${error.message} at offset ${error.offset}`,
      param,
    );
  }
  const rules = new Rules(), texts = textsOf(language, { rules, write: (expression) => expression });
  if (!texts) {
    throw new InvalidRequestError(
      `${param} cannot be used: its lookaheads take too many states at offset 0`,
      param,
    );
  }
  const grammar = rules.write(texts, param);
  if (grammar === undefined) {
    throw new InvalidRequestError(`${param} cannot be used: it matches no text`, param);
  }
  return grammar;
}
