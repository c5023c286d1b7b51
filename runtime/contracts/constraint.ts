/**
 * Constraints on the output of a generation: a grammar that it matches, and thinking that may come before. Plain data,
 * which crosses channels as it is.
 *
 * @module
 */

/** A grammar in a form that the matcher compiles; `runtime/grammars/` checks and translates what clients send. */
export type GrammarSource =
  /** EBNF in xgrammar's dialect, whose start is `root`. JSON schemas and regular expressions become this. */
  | { readonly type: "ebnf"; readonly grammar: string }
  /** JSON text of a structural tag as xgrammar defines it, checked; schemas and expressions in it have become EBNF. */
  | { readonly type: "structural_tag"; readonly tag: string };

/** The thinking before an answer, by its tokens. */
export interface ThinkingConstraint {
  /** Token that begins it, if the answer's first token is that one; undefined if the prompt has begun it. */
  readonly startToken?: number;
  /** Tokens whose sequence ends it. */
  readonly endTokens: readonly number[];
  /** Tokens it may have, its end not counted: then the end is forced. Undefined: any number. */
  readonly maxTokens?: number;
}

/** What the tokens of a generation must obey. At least one of its parts is there. */
export interface OutputConstraint {
  /** What the output after the thinking matches; undefined: anything. */
  readonly grammar?: GrammarSource;
  /** Undefined: the output has no thinking, or none that counts. */
  readonly thinking?: ThinkingConstraint;
  /** Name of the request field that asks for the grammar, for errors. */
  readonly param: string;
}
