/**
 * Whether two answers to the same request are the same, token by token, also while they are being written.
 *
 * @module
 */
import type { Answer, SpeculationRound } from "../api/answer.ts";

/** A token of a round. */
export type Token = SpeculationRound["tokens"][number];

/** The tokens of an answer, as many as are there. */
export interface TokenRun {
  readonly tokens: readonly Pick<Token, "id" | "text">[];
  /** Whether the model ended it, so that no token follows. */
  readonly hasEnded: boolean;
}

/** What is known of two runs. */
export interface Comparison {
  /** `equal`: both have ended with the same tokens. `equal so far`: a run has not ended. */
  readonly verdict: "equal" | "equal so far" | "different";
  /** Tokens from the beginning that both have and that are the same. */
  readonly numEqual: number;
  /** The first difference: its token's number from 1, and what each run has there; a run that ended has nothing. */
  readonly difference?: {
    readonly position: number;
    readonly first: TokenRun["tokens"][number] | undefined;
    readonly second: TokenRun["tokens"][number] | undefined;
  };
}

/** Compares two runs by the ids of their tokens. What only one has yet says nothing, unless the other has ended. */
export function compareTokens(first: TokenRun, second: TokenRun): Comparison {
  const numShared = Math.min(first.tokens.length, second.tokens.length);
  let numEqual = 0;
  while (numEqual < numShared && first.tokens[numEqual]!.id === second.tokens[numEqual]!.id) numEqual++;
  const goesOn = ({ tokens }: TokenRun) => tokens.length > numEqual;
  if (
    numEqual < numShared || (first.hasEnded && goesOn(second)) || (second.hasEnded && goesOn(first))
  ) {
    const difference = {
      position: numEqual + 1,
      first: first.tokens[numEqual],
      second: second.tokens[numEqual],
    };
    return { verdict: "different", numEqual, difference };
  }
  return { verdict: first.hasEnded && second.hasEnded ? "equal" : "equal so far", numEqual };
}

/** The tokens of an answer. */
export function tokenRun({ rounds, state }: Answer): TokenRun {
  return { tokens: rounds.flatMap(({ tokens }) => tokens), hasEnded: state === "ended" };
}
