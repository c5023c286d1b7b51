/**
 * The thinking before an answer, token by token: a state per token, what may come next, what must.
 *
 * @module
 */
import type { ThinkingConstraint } from "../../contracts/constraint.ts";

/** How far the thinking is. Immutable. */
export interface ThinkingState {
  /** Its tokens so far, those of its end included. */
  readonly count: number;
  /** Tokens of its end that the last tokens are. */
  readonly matched: number;
}

/** Nothing was thought yet. */
export const THINKING_BEGINS: ThinkingState = { count: 0, matched: 0 };

/** What a {@linkcode ThinkingConstraint} says about tokens. */
export class ThinkingRules {
  /** Token that begins the thinking, if it may be left out. */
  readonly startToken: number | undefined;
  readonly #endTokens: readonly number[];
  readonly #maxTokens: number;
  /** Of each length of a matched beginning: the longest shorter beginning that it ends with. */
  readonly #shorter: number[] = [];

  constructor({ startToken, endTokens, maxTokens = Infinity }: ThinkingConstraint) {
    this.startToken = startToken;
    this.#endTokens = endTokens;
    this.#maxTokens = maxTokens;
    for (let length = 0; length <= endTokens.length; length++) {
      let shorter = length <= 1 ? 0 : this.#shorter[length - 1]!;
      while (shorter > 0 && endTokens[shorter] !== endTokens[length - 1]) shorter = this.#shorter[shorter]!;
      if (length > 1 && endTokens[shorter] === endTokens[length - 1]) shorter++;
      this.#shorter.push(shorter);
    }
  }

  /** The state after a token; undefined if the token is forbidden since the end is due. */
  next({ count, matched }: ThinkingState, token: number): ThinkingState | undefined {
    let known = matched;
    while (known > 0 && this.#endTokens[known] !== token) known = this.#shorter[known]!;
    if (this.#endTokens[known] === token) known++;
    return count + 1 - known > this.#maxTokens ? undefined : { count: count + 1, matched: known };
  }

  /** Whether the thinking has ended. */
  isOver({ matched }: ThinkingState): boolean {
    return matched === this.#endTokens.length;
  }

  /** The only tokens that may come; undefined if any may. */
  allowed(state: ThinkingState): number[] | undefined {
    if (state.count + 1 <= this.#maxTokens) return undefined;
    return [...new Set(this.#endTokens)].filter((token) => this.next(state, token) !== undefined);
  }

  /** The tokens that must come next; none if others may. */
  forced(state: ThinkingState): readonly number[] {
    return this.allowed(state)?.length === 1 ? this.#endTokens.slice(state.matched) : [];
  }
}
