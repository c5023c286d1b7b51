/**
 * Grammars in EBNF as clients send them: the dialect of xgrammar, and GBNF where it says the same. They are read and
 * written anew, in the forms that compile exactly ({@linkcode EbnfWriter}).
 *
 * @module
 */
import type { GrammarSource } from "../contracts/constraint.ts";
import { InvalidRequestError } from "../contracts/errors.ts";
import { EbnfError, parseEbnf } from "./ebnf_parser.ts";
import { Rules } from "./rules.ts";

/** Most characters of a grammar that is sent. */
export const MAX_EBNF_LENGTH = 100_000;

/**
 * The grammar of an EBNF text whose start is `root`.
 *
 * Throws InvalidRequestError that names the line of what is broken, undefined, nested too deep or left-recursive, and
 * for grammars that are too large or allow no text.
 */
export function ebnfSource(text: string, param: string): GrammarSource {
  return { type: "ebnf", grammar: ebnfGrammar(text, param) };
}

/** The grammar of an EBNF text as {@linkcode ebnfSource} has it. */
export function ebnfGrammar(text: string, param: string): string {
  if (text.length > MAX_EBNF_LENGTH) {
    throw new InvalidRequestError(`${param} is too large: it may have ${MAX_EBNF_LENGTH} characters`, param);
  }
  const rules = new Rules();
  try {
    for (const [name, body] of parseEbnf(text)) rules.set(`u-${name}`, body);
  } catch (error) {
    if (!(error instanceof EbnfError)) throw error;
    throw new InvalidRequestError(`${param} cannot be used: ${error.message} in line ${error.line}`, param);
  }
  const grammar = rules.write({ type: "rule", name: "u-root" }, param);
  if (grammar === undefined) {
    throw new InvalidRequestError(`${param} cannot be used: rule root allows no text`, param);
  }
  return grammar;
}
