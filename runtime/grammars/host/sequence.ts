/**
 * A constrained sequence as the pool keeps it.
 *
 * @module
 */
import type { OutputConstraint } from "../../contracts/constraint.ts";
import type { AerieError } from "../../contracts/errors.ts";
import type { CachedGrammar } from "./grammar_cache.ts";
import type { Slot } from "./slots.ts";

/** A sequence whose tokens obey a constraint. */
export class PooledSequence {
  /** Its name in hosts. */
  readonly number: number;
  readonly constraint: OutputConstraint;
  readonly grammar: CachedGrammar | undefined;
  /** The host that has its matcher; undefined before that, and when the host is gone. */
  slot: Slot | undefined;
  /** Its output tokens so far. */
  readonly tokens: number[] = [];
  /** How many of them its matcher has taken. */
  numMatched = 0;
  /** Hosts that it has lost. */
  numLost = 0;
  /** Why it cannot go on. */
  error: AerieError | undefined;
  #placed = Promise.withResolvers<void>();

  constructor(number: number, constraint: OutputConstraint, grammar: CachedGrammar | undefined) {
    this.number = number;
    this.constraint = constraint;
    this.grammar = grammar;
  }

  /** Resolves when it has a host or an error. */
  get placed(): Promise<void> {
    return this.#placed.promise;
  }

  /** It has a host. */
  place(slot: Slot): void {
    this.slot = slot;
    this.numMatched = 0;
    this.#placed.resolve();
  }

  /** It cannot go on. */
  fail(error: AerieError): void {
    this.error ??= error;
    this.#placed.resolve();
  }

  /** Its host is gone; another is to be found. */
  displace(): void {
    this.slot = undefined;
    this.numLost++;
    this.#placed = Promise.withResolvers();
  }

  /** Takes over output tokens of which `numBefore` came before; the matcher keeps what agrees with them. */
  follow(numBefore: number, tokens: Int32Array): void {
    tokens.forEach((token, i) => {
      const at = numBefore + i;
      if (this.tokens[at] === token) return;
      this.#truncate(at);
      this.tokens.push(token);
    });
    this.#truncate(numBefore + tokens.length);
  }

  #truncate(length: number): void {
    this.tokens.length = Math.min(this.tokens.length, length);
    this.numMatched = Math.min(this.numMatched, this.tokens.length);
  }
}
