/**
 * Grammars of a few texts, of which the output is one.
 *
 * @module
 */
import type { GrammarSource } from "../contracts/constraint.ts";
import { InvalidRequestError } from "../contracts/errors.ts";
import { MAX_EBNF_LENGTH } from "./ebnf.ts";
import { choice, text } from "./expression.ts";
import { Rules } from "./rules.ts";

/**
 * The grammar of which each of `texts` is a sentence.
 *
 * Throws InvalidRequestError if there are none, one of them is no Unicode text, or they are too long.
 */
export function choiceSource(texts: readonly string[], param: string): GrammarSource {
  const numCharacters = texts.reduce((sum, text) => sum + text.length, 0);
  if (numCharacters > MAX_EBNF_LENGTH) {
    throw new InvalidRequestError(
      `${param} cannot be used: its texts may have ${MAX_EBNF_LENGTH} characters together`,
      param,
    );
  }
  const ill = texts.findIndex((text) => !text.isWellFormed());
  if (ill >= 0) {
    const place = `${param}[${ill}]`;
    throw new InvalidRequestError(`${place} cannot be used: half a surrogate pair stands alone`, place);
  }
  const grammar = new Rules().write(choice(...texts.map(text)), param);
  if (grammar === undefined) {
    throw new InvalidRequestError(`${param} cannot be used: there is nothing to choose from`, param);
  }
  return { type: "ebnf", grammar };
}
